"""Cuts and iterables of cuts that cannot be annotated."""

from __future__ import annotations

import json

import pytest
from lhotse import CutSet, MonoCut, Recording, RecordingSet, SupervisionSegment, SupervisionSet
from lhotse.cut import MixedCut, MixTrack
from support.facts import assert_facts

from emo2vec_plugins import Engine, Options, Plugins
from emo2vec_plugins.errors import Emo2vecWarning, FormatError, SourceError
from emo2vec_plugins.integrations.lhotse import annotate_cuts, annotate_manifest, read_cuts
from emo2vec_plugins.integrations.lhotse.annotated import turns_of
from emo2vec_plugins.testing import FakeBackend

BARE = Plugins(installed=False)


@pytest.fixture
def recording(noise, write):
    return Recording.from_file(write("rec.wav", noise(32_000), 16_000), recording_id="rec")


@pytest.fixture
def cut(recording):
    turn = SupervisionSegment("turn", "rec", 0.0, 1.0)
    return MonoCut("cut", 0.0, 2.0, 0, supervisions=[turn], recording=recording)


def annotated(cuts, **more):
    return annotate_cuts(cuts, score=Engine(FakeBackend()), **more)


def labels(cut):
    return [(each.custom or {}).get("emotion") for each in cut.supervisions]


def test_a_set_of_supervisions_is_rejected(cut):
    with pytest.raises(SourceError) as caught:
        annotated(SupervisionSet.from_segments(cut.supervisions))

    assert_facts(str(caught.value), "SupervisionSet", "supervisions=")


def test_recordings_alone_are_cuts(recording):
    [found] = annotated(RecordingSet.from_recordings([recording]))

    assert found.custom["emotion"] is not None


@pytest.mark.parametrize("nothing", [None, 5, object()], ids=["None", "int", "object"])
def test_an_object_that_is_no_iterable_is_rejected(nothing):
    with pytest.raises(SourceError, match=r"None|int|object"):
        annotated(nothing)


@pytest.mark.parametrize("other", [None, "cut", 5, ["cut"], {"id": "cut"}])
def test_cuts_before_an_item_that_is_none_are_annotated(cut, other):
    results = iter(annotated([cut, cut, other, cut]))

    assert all(labels(next(results)) != [None] for _ in range(2))
    with pytest.raises(SourceError) as caught:
        next(results)
    assert_facts(str(caught.value), "item 2", type(other).__name__)


def test_cuts_before_an_error_of_their_iterable_are_annotated(cut):
    def cuts():
        yield from (cut, cut)
        raise OSError("the disk is gone")

    results = iter(annotated(cuts()))

    assert all(labels(next(results)) != [None] for _ in range(2))
    with pytest.raises(OSError, match="the disk is gone"):
        next(results)


def test_cuts_before_a_bad_line_are_annotated(cut, tmp_path):
    path = tmp_path / "cuts.jsonl"
    path.write_text(f"{json.dumps(cut.to_dict())}\n{{bad\n")

    results = iter(annotated(CutSet.from_jsonl_lazy(path)))

    assert labels(next(results)) != [None]
    with pytest.raises(ValueError, match="property name"):
        next(results)


def test_supervisions_of_another_kind_are_rejected(recording, cut):
    recordings = RecordingSet.from_recordings([recording])

    with pytest.raises(SourceError, match="MonoCut"):
        list(annotated(recordings, supervisions=[cut]))


@pytest.mark.parametrize(
    ("broken", "facts"),
    [
        (lambda cut: cut.with_id("odd").with_custom("x", 1).drop_supervisions(), None),
        (lambda cut: MonoCut("odd", 0.0, 2.0, 0, recording=cut.recording, custom=["x"]), "custom"),
        (lambda cut: MonoCut("odd", "0", 2.0, 0, recording=cut.recording), "start"),
        (lambda cut: MixedCut("odd", [MixTrack(cut.append(cut))]), "MixedCut"),
        (lambda _: MixedCut("odd", []), "tracks"),
    ],
)
def test_a_cut_with_odd_values_passes_through_with_a_warning(cut, broken, facts):
    odd = broken(cut)

    if facts is None:
        assert [each.id for each in annotated([odd, cut])] == ["odd", "cut"]
        return
    with pytest.warns(Emo2vecWarning) as caught:
        same, other = annotated([odd, cut])

    assert same is odd
    assert labels(other) != [None]
    assert_facts(str(caught[0].message), "odd", facts)


def test_a_cut_of_a_shar_shard_names_what_is_missing(cut, tmp_path):
    folder = tmp_path / "shar"
    folder.mkdir()
    CutSet.from_cuts([cut]).to_shar(folder, fields={"recording": "wav"})
    [bare] = CutSet.from_jsonl_lazy(folder / "cuts.000000.jsonl.gz")

    [found] = annotated([bare])

    assert_facts(found.supervisions[0].custom["emotion_reason"], "cut", "Shar")


@pytest.fixture
def manifest(cut, tmp_path):
    """Write a manifest of three cuts and two bad lines; return its path."""
    lines = [json.dumps(cut.with_id(f"cut{k}").to_dict()) for k in range(3)]
    odd = json.loads(lines[0])
    odd["supervisions"][0]["start"] = "0"
    path = tmp_path / "cuts.jsonl"
    path.write_text("\n".join([lines[0], json.dumps(odd), lines[1], "{bad", lines[2]]) + "\n")
    return path


def run(manifest, **more):
    out = manifest.with_name("out.jsonl")
    summary = annotate_manifest(manifest, out, score=Engine(FakeBackend()), plugins=BARE, **more)
    return out, summary


def test_bad_lines_are_written_unchanged_and_named(manifest):
    out, summary = run(manifest)

    before, after = manifest.read_bytes().splitlines(), out.read_bytes().splitlines()
    assert [old == new for old, new in zip(before, after, strict=True)] == [
        *(False, True, False, True, False)
    ]
    assert (summary.cuts, summary.scored, summary.bad) == (3, 3, 2)
    assert_facts(summary.bad_items[0], manifest, "line 2", "supervision 0", "start")
    assert_facts(summary.bad_items[1], manifest, "line 4", "JSON")


def test_bad_lines_may_be_left_out(manifest):
    out, summary = run(manifest, bad_items="drop")

    assert [cut.id for cut in read_cuts(out)] == ["cut0", "cut1", "cut2"]
    assert summary.bad == 2


def test_a_bad_line_may_stop_the_run(manifest):
    with pytest.raises(FormatError) as caught:
        run(manifest, bad_items="stop")

    assert_facts(str(caught.value), manifest, "line 2")
    assert not manifest.with_name("out.jsonl").exists()


def test_turns_of_bad_lines_are_not_counted(manifest):
    out, _ = run(manifest)

    assert len(list(turns_of(out, skip_bad=True))) == 3
    with pytest.raises(FormatError, match="line 4"):
        list(turns_of(out))


def test_reading_a_manifest_names_all_bad_lines(manifest):
    with pytest.raises(FormatError) as caught:
        read_cuts(manifest)

    assert_facts(str(caught.value), manifest, "line 2", "line 4")


def test_equal_ids_are_no_problem(cut, tmp_path):
    path = tmp_path / "cuts.jsonl"
    path.write_text(3 * f"{json.dumps(cut.to_dict())}\n")

    out, summary = run(path, options=Options(field="mood"))

    assert (summary.cuts, summary.scored) == (3, 3)
    assert [cut.id for cut in read_cuts(out)] == ["cut"] * 3


def test_a_shar_directory_with_a_truncated_archive_keeps_all_its_cuts(cut, tmp_path):
    folder = tmp_path / "shar"
    folder.mkdir()
    CutSet.from_cuts(cut.with_id(f"cut{k}") for k in range(4)).to_shar(
        folder, fields={"recording": "wav"}, shard_size=2
    )
    archive = folder / "recording.000000.tar"
    archive.write_bytes(archive.read_bytes()[:-30_000])

    summary = annotate_manifest(folder, tmp_path / "out", score=Engine(FakeBackend()), plugins=BARE)

    assert (summary.cuts, summary.scored, summary.failed, summary.bad) == (4, 3, 1, 0)
    assert_facts(summary.failures[0], "cut1", archive)
