"""Shar directories with damaged, missing and odd data files."""

from __future__ import annotations

import gzip
import io
import json
import tarfile

import pytest
from lhotse import CutSet, Recording, SupervisionSegment
from support.facts import assert_facts

from emo2vec_plugins.core import Permissions
from emo2vec_plugins.errors import AudioError, FormatError, OptionsError
from emo2vec_plugins.files import Unpacked
from emo2vec_plugins.integrations.lhotse.audio import RecordingAudio
from emo2vec_plugins.integrations.lhotse.manifest_files import layout


@pytest.fixture
def shar(noise, write, tmp_path):
    """A Shar directory of one shard with three cuts."""
    recording = Recording.from_file(write("rec.wav", noise(3 * 16000), 16000))
    cut = recording.to_cut()
    cut.supervisions = [SupervisionSegment("turn", recording.id, 0.0, 1.0)]
    cuts = [cut.truncate(offset=k, duration=1.0).with_id(f"cut.{k}") for k in range(3)]
    folder = tmp_path / "shar"
    folder.mkdir()
    CutSet.from_cuts(cuts).to_shar(folder, fields={"recording": "wav"}, shard_size=3)
    return folder


def items(folder, **options):
    return list(layout(folder, folder.with_name("out"), fields=(), **options).items())


def archive(folder):
    return folder / "recording.000000.tar"


def members(path):
    with tarfile.open(path) as tar:
        return [(member, tar.extractfile(member).read()) for member in tar]


def rewrite(path, changed):
    """Write an archive with other members: pairs of a TarInfo and bytes."""
    with tarfile.open(path, "w") as tar:
        for member, data in changed:
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


def without_audio(folder):
    return {item.cut.id: item.reason for item in items(folder) if item.reason is not None}


def test_cuts_have_their_audio(shar):
    samples = [item.cut.load_audio().shape for item in items(shar)]

    assert samples == [(1, 16000)] * 3
    assert without_audio(shar) == {}


def test_items_are_read_in_any_order(shar):
    for item in reversed(items(shar)):
        assert item.cut.load_audio().shape == (1, 16000)


def test_cuts_in_a_truncated_archive_keep_their_audio(shar):
    whole = archive(shar).read_bytes()
    archive(shar).write_bytes(whole[: len(whole) // 2])

    reasons = without_audio(shar)

    assert list(reasons) == ["cut.1", "cut.2"]
    assert_facts(reasons["cut.1"], archive(shar), "cut.1")
    assert_facts(reasons["cut.2"], archive(shar), "cut.2", "damaged after 1 item")


def test_audio_that_cannot_be_decoded_has_the_same_reason_in_every_run(shar):
    every = members(archive(shar))
    every[2] = (every[2][0], b"junk")
    rewrite(archive(shar), every)

    def reason():
        audio = RecordingAudio(items(shar)[1].cut.recording, Permissions())
        with pytest.raises(AudioError) as caught:
            audio.read(0, 100, (0,))
        return str(caught.value)

    assert " at 0x" not in reason()


def test_a_missing_entry_costs_only_its_cut(shar):
    kept = members(archive(shar))
    rewrite(archive(shar), kept[:2] + kept[4:])

    reasons = without_audio(shar)

    assert list(reasons) == ["cut.1"]
    assert_facts(reasons["cut.1"], archive(shar), "cut.1")


@pytest.mark.parametrize(
    "text",
    [
        b"{",
        b"[]",
        b'{"id": "cut.1"}',
        b'{"id": 1, "sources": 5, "sampling_rate": 16000}',
        b'{"shape": "x"}',
        b"\xff",
    ],
)
def test_a_damaged_description_costs_only_its_cut(shar, text):
    every = members(archive(shar))
    every[3] = (every[3][0], text)
    rewrite(archive(shar), every)

    reasons = without_audio(shar)

    assert list(reasons) == ["cut.1"]
    assert_facts(reasons["cut.1"], archive(shar), "cut.1")


@pytest.mark.parametrize("lost", [2, 3])
def test_half_an_entry_costs_only_its_cut(shar, lost):
    every = members(archive(shar))
    del every[lost]
    rewrite(archive(shar), every)

    assert list(without_audio(shar)) == ["cut.1"]


@pytest.mark.parametrize("content", [b"", b"no archive", b"\0" * 2048])
def test_an_archive_that_is_none_costs_the_audio_of_its_cuts(shar, content):
    archive(shar).write_bytes(content)

    assert list(without_audio(shar)) == ["cut.0", "cut.1", "cut.2"]


def test_a_size_that_no_file_has_costs_no_memory(shar):
    every = members(archive(shar))
    with tarfile.open(archive(shar), "w") as tar:
        for member, data in every[:2]:
            tar.addfile(member, io.BytesIO(data))
        every[2][0].size = 1 << 40
        tar.fileobj.write(every[2][0].tobuf())

    assert list(without_audio(shar)) == ["cut.1", "cut.2"]


def test_a_sparse_member_is_not_expanded(shar):
    every = members(archive(shar))
    header = every[2][0]
    header.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.realsize": str(1 << 40),
        "GNU.sparse.name": header.name,
    }
    every[2] = (header, b"0\n" + b"\0" * 510)
    rewrite(archive(shar), every)

    assert list(without_audio(shar)) == ["cut.1"]


def test_a_compressed_archive_is_read(shar):
    archive(shar).with_name("recording.000000.tar.gz").write_bytes(
        gzip.compress(archive(shar).read_bytes())
    )
    archive(shar).unlink()

    assert without_audio(shar) == {}


def test_a_compressed_archive_that_expands_without_bound_is_damaged_there(shar, monkeypatch):
    every = members(archive(shar))
    every.insert(4, (tarfile.TarInfo("cut.x.wav"), bytes(30 << 20)))
    rewrite(archive(shar), every)
    packed = archive(shar).with_name("recording.000000.tar.gz")
    packed.write_bytes(gzip.compress(archive(shar).read_bytes()))
    archive(shar).unlink()
    monkeypatch.setenv("EMO2VEC_READ_LIMIT", "1MB")

    found = without_audio(shar)

    assert list(found) == ["cut.2"]
    assert_facts(found["cut.2"], packed, "damaged", "expands")


def test_a_compressed_archive_is_read_forwards(shar, monkeypatch):
    archive(shar).with_name("recording.000000.tar.gz").write_bytes(
        gzip.compress(archive(shar).read_bytes())
    )
    archive(shar).unlink()
    places = []
    original = Unpacked.seek
    monkeypatch.setattr(Unpacked, "seek", lambda self, to: places.append(to) or original(self, to))

    assert without_audio(shar) == {}
    contents = places[-6:]  # of three cuts: the data and its description
    assert contents == sorted(contents)


def test_an_empty_shard_of_cuts_is_an_item_that_names_it(shar):
    (shar / "cuts.000001.jsonl.gz").write_bytes(b"")

    *cuts, lost = items(shar)

    assert len(cuts) == 3
    assert_facts(lost.reason, "cuts.000001.jsonl.gz", "empty", "left out")


def test_an_empty_entry_leaves_the_placeholder(shar):
    every = members(archive(shar))
    every[2][0].name, every[3][0].name = "cut.1.nodata", "cut.1.nometa"
    rewrite(archive(shar), [*every[:2], (every[2][0], b""), (every[3][0], b""), *every[4:]])

    assert without_audio(shar) == {}
    assert items(shar)[1].cut.recording.is_placeholder


def test_repeated_ids_have_the_entry_of_their_position(shar):
    lines = gzip.decompress((shar / "cuts.000000.jsonl.gz").read_bytes())
    same = lines.replace(b'"cut.1"', b'"cut.0"')
    (shar / "cuts.000000.jsonl.gz").write_bytes(gzip.compress(same))
    every = members(archive(shar))
    for (member, _), name in zip(every[2:4], ("cut.0.wav", "cut.0.json"), strict=True):
        member.name = name
    rewrite(archive(shar), every)

    first, second, _ = (item.cut.load_audio() for item in items(shar))

    assert (first != second).any()


def test_a_bad_line_costs_no_other_cut_its_audio(shar):
    path = shar / "cuts.000000.jsonl.gz"
    first, _, third = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    path.write_bytes(gzip.compress(first + b"{bad\n" + third))

    found = items(shar)

    assert [item.cut and item.cut.id for item in found] == ["cut.0", None, "cut.2"]
    assert_facts(found[1].reason, path, "line 2")
    assert found[2].reason is None


def test_a_truncated_shard_does_not_end_the_next(shar):
    path = shar / "cuts.000000.jsonl.gz"
    whole = path.read_bytes()
    for name in ("cuts.000001.jsonl.gz", "recording.000001.tar"):
        first = shar / name.replace("000001", "000000")
        (shar / name).write_bytes(first.read_bytes())
    path.write_bytes(whole[:-10])

    found = items(shar)
    ends = [item for item in found if item.raw is None]

    assert len(ends) == 1
    assert_facts(ends[0].reason, path)
    assert [item.cut.id for item in found[-3:]] == ["cut.0", "cut.1", "cut.2"]


def test_other_data_that_is_damaged_costs_no_audio(shar):
    lines = [{"cut_id": "cut.0", "note": "first"}, {"cut_id": "cut.2", "note": "third"}]
    text = "\n".join(json.dumps(line) for line in lines) + "\n{bad\n"
    (shar / "note.000000.jsonl").write_text(text)

    cuts = [item.cut for item in items(shar)]

    assert without_audio(shar) == {}
    assert [(cut.custom or {}).get("note") for cut in cuts] == ["first", None, "third"]


def test_the_digest_of_an_item_depends_on_its_data_files(shar):
    before = [item.digest for item in items(shar)]
    with archive(shar).open("ab") as file:
        file.write(b"\0" * 512)

    assert not {item.digest for item in items(shar)}.intersection(before)


def test_items_of_a_shar_directory_cannot_be_left_out(shar):
    with pytest.raises(OptionsError, match="left out"):
        items(shar, bad_items="drop")


def test_a_shard_of_cuts_is_no_manifest_of_its_own(shar):
    with pytest.raises(FormatError) as caught:
        layout(shar / "cuts.000000.jsonl.gz", shar.with_name("out.jsonl"), fields=())

    assert_facts(str(caught.value), "cuts.000000.jsonl.gz", "recording.000000.tar", shar)


def test_a_missing_archive_costs_only_its_shard_the_audio(shar):
    (shar / "cuts.000001.jsonl.gz").write_bytes((shar / "cuts.000000.jsonl.gz").read_bytes())

    reasons = [item.reason for item in items(shar)]

    assert reasons[:3] == [None] * 3
    assert all("recording.000001.tar" in reason for reason in reasons[3:])


@pytest.mark.parametrize("name", ["README.md", ".DS_Store", "notes.txt", "recording.000009.tar"])
def test_other_files_in_the_directory_are_ignored(shar, name):
    (shar / name).write_bytes(b"other")

    assert without_audio(shar) == {}


def test_shards_may_have_other_names_than_numbers(shar):
    for path in list(shar.iterdir()):
        path.rename(path.with_name(path.name.replace("000000", "train")))

    assert without_audio(shar) == {}
