"""Annotation of manifests: files, interrupted and resumed runs, errors."""

from __future__ import annotations

import gzip
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import lhotse
import numpy as np
import pytest
import soundfile
from lhotse import CutSet, Recording, SupervisionSegment
from lhotse.features.io import close_cached_file_handles

from emo2vec_plugins import Engine, Options, Plugins
from emo2vec_plugins.errors import FormatError, OptionsError, ResumeError
from emo2vec_plugins.integrations.lhotse.arrays import turn_frames
from emo2vec_plugins.integrations.lhotse.journal import Journal, Summary, differences
from emo2vec_plugins.integrations.lhotse.manifest_files import read_cuts
from emo2vec_plugins.integrations.lhotse.resumable_run import annotate_manifest
from emo2vec_plugins.testing import FakeBackend

BARE = Plugins(installed=False)
STORES = {"lilcom_chunky": "arrays.lca", "numpy_hdf5": "arrays.h5", "numpy_files": "arrays"}

# Lhotse's Shar reader does not close its tar files; the garbage collector does.
shar = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def fresh_handles():
    yield
    close_cached_file_handles()


@pytest.fixture
def recording(noise, write):
    return Recording.from_file(write("rec.wav", noise(16_000 * 12), 16_000))


@pytest.fixture
def cuts(recording):
    cut = recording.to_cut()
    cut.supervisions = [
        SupervisionSegment(f"s{i}", "rec", i * 0.75, 0.7, speaker="AB"[i % 2]) for i in range(15)
    ]
    windows = CutSet.from_cuts([cut]).cut_into_windows(1.5)
    return CutSet.from_cuts([*windows, cut.pad(20.0), cut.append(cut), cut.drop_supervisions()])


@pytest.fixture
def manifest(cuts, tmp_path):
    cuts.to_file(tmp_path / "in.jsonl.gz")
    return tmp_path / "in.jsonl.gz"


@pytest.fixture
def shards(recording, tmp_path):
    cut = recording.to_cut()
    cut.supervisions = [SupervisionSegment("s", "rec", 1.0, 9.0)]
    folder = tmp_path / "shar"
    folder.mkdir()
    windows = CutSet.from_cuts([cut]).cut_into_windows(1.5)
    windows.to_shar(folder, fields={"recording": "flac"}, shard_size=3)
    return folder


class Stops:
    """An engine that fails at a clip, once."""

    def __init__(self, at):
        self.engine = Engine(FakeBackend(), granularity="frame", batch_seconds=0.5)
        self.identity = self.engine.identity
        self.granularity = "frame"
        self.batch_seconds = self.engine.batch_seconds
        self.left = at

    def __call__(self, items):
        for result in self.engine(items):
            if self.left == 0:
                raise KeyboardInterrupt
            self.left -= 1
            yield result


def engine():
    return Engine(FakeBackend(), granularity="frame", batch_seconds=0.5)


def run(source, target, *, score=None, plugins=BARE, store=None, **more):
    arrays = {"embeddings": True, "frames": True} if store else {}
    options = more.pop("options", Options(**arrays))
    return annotate_manifest(
        source,
        target,
        score=score or engine(),
        plugins=plugins,
        store=store,
        options=options,
        **more,
    )


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("name", ["out.jsonl", "out.jsonl.gz"])
def test_every_turn_of_a_manifest_is_labelled(manifest, cuts, tmp_path, name):
    summary = run(manifest, tmp_path / name)

    out = CutSet.from_file(tmp_path / name)
    lhotse.validate(out)
    assert [cut.id for cut in out] == [cut.id for cut in cuts]
    turns = [s for cut in out for s in cut.supervisions]
    assert summary == Summary(cuts=11, turns=len(turns) + 1, scored=len(turns) + 1)
    assert all(s.emotion for s in turns)


def test_only_the_output_and_its_record_remain(manifest, tmp_path):
    run(manifest, tmp_path / "out" / "cuts.jsonl.gz")

    assert sorted(contents(tmp_path / "out")) == ["cuts.jsonl.gz", "cuts.jsonl.gz.emo2vec.json"]
    record = json.loads((tmp_path / "out" / "cuts.jsonl.gz.emo2vec.json").read_text())
    assert record["task"]["scorer"]["provenance"]["model"] == "fake"
    assert record["task"]["scorer"]["provenance"]["tokens"][0] == "生气/angry"
    assert record["summary"]["cuts"] == 11


def test_progress_is_called_for_every_cut(manifest, tmp_path):
    counts = []

    run(manifest, tmp_path / "out.jsonl", progress=counts.append)

    assert sum(counts) == 11


def test_scored_failed_and_skipped_turns_are_counted(recording, tmp_path):
    cut = recording.to_cut()
    cut.supervisions = [
        SupervisionSegment("good", "rec", 0.0, 1.0),
        SupervisionSegment("short", "rec", 1.0, 0.01),
        SupervisionSegment("known", "rec", 2.0, 1.0, custom={"emotion": "bored"}),
    ]
    CutSet.from_cuts([cut]).to_file(tmp_path / "in.jsonl")

    summary = run(tmp_path / "in.jsonl", tmp_path / "out.jsonl")

    [failure] = summary.failures
    expected = Summary(cuts=1, turns=3, scored=1, failed=1, skipped=1, failures=(failure,))
    assert summary == expected
    for fact in ("rec", "supervision short", "160 samples"):
        assert fact in failure


@pytest.mark.parametrize("kind", STORES)
@pytest.mark.parametrize("at", [0, 33])
def test_an_interrupted_run_is_resumed_with_identical_results(
    manifest, tmp_path, kind, at, monkeypatch
):
    for name in ("whole", "broken"):
        (tmp_path / name).mkdir()
    store = Path(STORES[kind])

    monkeypatch.chdir(tmp_path / "whole")
    expected = run(manifest, "out.jsonl.gz", store=store)
    monkeypatch.chdir(tmp_path / "broken")
    with pytest.raises(KeyboardInterrupt):
        run(manifest, "out.jsonl.gz", store=store, score=Stops(at))
    assert not Path("out.jsonl.gz").exists()
    with Path("out.jsonl.gz.part.jsonl").open("ab") as lines:
        lines.write(b'{"id": "torn')
    resumed = run(manifest, "out.jsonl.gz", store=store)

    assert resumed == expected
    assert contents(tmp_path / "broken") == contents(tmp_path / "whole")


SLOW = """
import sys, time
from emo2vec_plugins import Engine, Options, Plugins
from emo2vec_plugins.integrations.lhotse import annotate_manifest
from emo2vec_plugins.testing import FakeBackend

class Slow(Engine):
    def __call__(self, items):
        for result in super().__call__(items):
            time.sleep(0.02)
            yield result

store = sys.argv[2]
score = Slow(FakeBackend(), granularity="frame", batch_seconds=0.2)
annotate_manifest(
    sys.argv[1], "out.jsonl.gz", score=score, store=store, plugins=Plugins(installed=False),
    options=Options(embeddings=True, frames=True),
)
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", STORES)
def test_a_killed_run_is_resumed_with_identical_results(manifest, tmp_path, kind, monkeypatch):
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    command = [sys.executable, "-c", SLOW, str(manifest), STORES[kind]]
    journal = tmp_path / "killed" / "out.jsonl.gz.part.journal"

    process = subprocess.Popen(command, cwd=tmp_path / "killed")
    patience = time.monotonic() + 60
    while not journal.exists() or journal.read_bytes().count(b"\n") < 4:
        assert process.poll() is None
        assert time.monotonic() < patience
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "killed" / "out.jsonl.gz").exists()
    for name in ("whole", "killed"):
        monkeypatch.chdir(tmp_path / name)
        score = Engine(FakeBackend(), granularity="frame", batch_seconds=0.2)
        run(manifest, "out.jsonl.gz", score=score, store=Path(STORES[kind]))

    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")
    monkeypatch.chdir(tmp_path / "killed")
    for cut in CutSet.from_file("out.jsonl.gz"):
        for supervision in cut.supervisions:
            frames = turn_frames(cut, supervision)
            embedding = supervision.load_emotion_embedding()
            np.testing.assert_allclose(frames.mean(axis=0), embedding, atol=0.02)


@pytest.mark.parametrize("kind", STORES)
def test_a_run_that_failed_in_its_last_step_is_resumed(manifest, tmp_path, kind, monkeypatch):
    for name in ("whole", "broken"):
        (tmp_path / name).mkdir()
    store = Path(STORES[kind])

    monkeypatch.chdir(tmp_path / "whole")
    expected = run(manifest, "out.jsonl.gz", store=store)
    monkeypatch.chdir(tmp_path / "broken")
    in_the_way = Path(".out.jsonl.gz.part")
    in_the_way.mkdir()
    with pytest.raises(OSError, match=r"out\.jsonl\.gz\.part"):
        run(manifest, "out.jsonl.gz", store=store)
    assert not Path("out.jsonl.gz").exists()
    in_the_way.rmdir()

    assert run(manifest, "out.jsonl.gz", store=store, score=Stops(0)) == expected
    assert contents(tmp_path / "broken") == contents(tmp_path / "whole")


def test_a_finished_output_is_not_annotated_again(manifest, tmp_path):
    first = run(manifest, tmp_path / "out.jsonl.gz")

    again = run(manifest, tmp_path / "out.jsonl.gz", score=Stops(0))

    assert again == first
    assert (first.was_finished, again.was_finished) == (False, True)


def test_an_output_with_other_settings_is_not_changed(manifest, tmp_path):
    run(manifest, tmp_path / "out.jsonl")
    before = contents(tmp_path)

    with pytest.raises(ResumeError, match=r"options\.field .*'emotion'.*'other'"):
        run(manifest, tmp_path / "out.jsonl", options=Options(field="other"))
    assert contents(tmp_path) == before


def test_another_file_at_the_target_is_not_changed(manifest, tmp_path):
    (tmp_path / "out.jsonl").write_text("mine")

    with pytest.raises(ResumeError, match=r"out\.jsonl already exists"):
        run(manifest, tmp_path / "out.jsonl")
    assert (tmp_path / "out.jsonl").read_text() == "mine"


def test_another_file_at_the_store_is_not_changed(manifest, tmp_path):
    (tmp_path / "arrays.lca").write_text("mine")

    with pytest.raises(ResumeError, match=r"arrays\.lca already exists"):
        run(manifest, tmp_path / "out.jsonl", store=tmp_path / "arrays.lca")
    assert (tmp_path / "arrays.lca").read_text() == "mine"


@pytest.mark.parametrize("kind", STORES)
def test_a_store_of_another_unfinished_output_is_not_changed(manifest, tmp_path, kind):
    store = tmp_path / STORES[kind]
    with pytest.raises(KeyboardInterrupt):
        run(manifest, tmp_path / "one.jsonl", score=Stops(30), store=store)
    before = contents(tmp_path)

    with pytest.raises(ResumeError, match=r"arrays.* already exists"):
        run(manifest, tmp_path / "other.jsonl", store=store)
    assert contents(tmp_path) == before


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such locks")
def test_two_runs_cannot_write_the_same_output(manifest, tmp_path):
    class Meets(Stops):
        def __call__(self, items):
            with pytest.raises(ResumeError, match="another process"):
                run(manifest, tmp_path / "out.jsonl", score=engine())
            return super().__call__(items)

    run(manifest, tmp_path / "out.jsonl", score=Meets(10_000))
    run(manifest, tmp_path / "alone.jsonl")

    both, alone = ((tmp_path / name).read_bytes() for name in ("out.jsonl", "alone.jsonl"))
    assert both == alone


def test_a_run_without_a_finished_group_does_not_block_the_next(manifest, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        run(manifest, tmp_path / "out.jsonl", store=tmp_path / "file" / "arrays.lca")

    assert run(manifest, tmp_path / "out.jsonl", store=tmp_path / "arrays.lca").scored > 0


@pytest.mark.parametrize("kind", STORES)
def test_a_run_without_a_finished_group_leaves_no_files(manifest, tmp_path, kind):
    before = sorted(tmp_path.rglob("*"))

    with pytest.raises(KeyboardInterrupt):
        run(manifest, tmp_path / "out.jsonl", score=Stops(3), store=tmp_path / STORES[kind])

    assert sorted(tmp_path.rglob("*")) == before


def test_files_of_an_earlier_run_are_not_removed(manifest, tmp_path):
    def killed():
        if not list(tmp_path.glob("*.journal")):
            raise AssertionError
        for path in tmp_path.glob("out*"):
            (tmp_path / f"kept-{path.name}").write_bytes(path.read_bytes())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(manifest, tmp_path / "out.jsonl", progress=lambda _: killed())
    for path in tmp_path.glob("kept-*"):
        path.rename(tmp_path / path.name.removeprefix("kept-"))
    with pytest.raises(KeyboardInterrupt):
        run(manifest, tmp_path / "out.jsonl", score=Stops(0))

    assert (tmp_path / "out.jsonl.part.journal").exists()
    assert run(manifest, tmp_path / "out.jsonl").scored > 0


def test_a_run_without_a_finished_group_does_not_let_the_next_overwrite_a_store(manifest, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(manifest, tmp_path / "out.jsonl", score=Stops(0), store=tmp_path / "arrays.h5")
    (tmp_path / "arrays.lca").write_text("mine")

    with pytest.raises(ResumeError, match=r"arrays\.lca already exists"):
        run(manifest, tmp_path / "out.jsonl", store=tmp_path / "arrays.lca")
    assert (tmp_path / "arrays.lca").read_text() == "mine"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"options": Options(overlap="exclude")}, r"options\.overlap .*'keep'.*'exclude'"),
        ({"score": Engine(FakeBackend(), labels=["angry", "sad"])}, r"scorer\.labels"),
    ],
)
def test_an_unfinished_output_is_resumed_only_with_the_same_settings(
    manifest, tmp_path, change, message
):
    with pytest.raises(KeyboardInterrupt):
        run(manifest, tmp_path / "out.jsonl", score=Stops(30))

    with pytest.raises(ResumeError, match=message):
        run(manifest, tmp_path / "out.jsonl", **change)


def test_an_unfinished_output_is_resumed_only_with_the_same_input(manifest, cuts, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(manifest, tmp_path / "out.jsonl", score=Stops(30))
    cuts.subset(first=4).to_file(manifest)

    with pytest.raises(ResumeError) as caught:
        run(manifest, tmp_path / "out.jsonl")
    out = tmp_path / "out.jsonl"
    for fact in ("unfinished", "input", f"{out}.part.jsonl, {out}.part.journal"):
        assert fact in str(caught.value)


@pytest.mark.parametrize("kind", STORES)
def test_removing_the_named_files_lets_the_next_run_start_over(manifest, cuts, tmp_path, kind):
    store = tmp_path / STORES[kind]
    with pytest.raises(KeyboardInterrupt):
        run(manifest, tmp_path / "out.jsonl", score=Stops(30), store=store)
    cuts.subset(first=4).to_file(manifest)

    with pytest.raises(ResumeError) as caught:
        run(manifest, tmp_path / "out.jsonl", store=store)
    named = str(caught.value).split(" or remove ")[1].removesuffix(" and start over").split(", ")
    for path in map(Path, named):
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    assert run(manifest, tmp_path / "out.jsonl", store=store).cuts == 4


def test_missing_arrays_are_detected(manifest, tmp_path):
    store = tmp_path / "arrays.lca"
    with pytest.raises(KeyboardInterrupt):
        run(manifest, tmp_path / "out.jsonl", score=Stops(30), store=store)
    store.write_bytes(b"")

    with pytest.raises(ResumeError, match=r"arrays\.lca .*found 0;"):
        run(manifest, tmp_path / "out.jsonl", store=store)


def test_compressing_twice_gives_the_same_bytes(manifest, tmp_path, monkeypatch):
    run(manifest, tmp_path / "a.jsonl.gz")
    monkeypatch.setattr(time, "time", lambda: 1e9)
    run(manifest, tmp_path / "b.jsonl.gz")

    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()


@shar
def test_an_annotated_shar_directory_has_the_audio_of_its_source(shards, tmp_path):
    summary = run(shards, tmp_path / "out", store=tmp_path / "arrays.h5")

    before = list(CutSet.from_shar(in_dir=shards))
    after = list(CutSet.from_shar(in_dir=tmp_path / "out"))
    assert summary.cuts == len(before) == len(after) == 8
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(
        p.name for p in shards.iterdir()
    )
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old.load_audio(), new.load_audio())
        assert (old.id, old.start, old.recording_id) == (new.id, new.start, new.recording_id)
        assert all(s.emotion for s in new.supervisions)
        for supervision in new.supervisions:
            assert len(turn_frames(new, supervision)) > 0
    lines = gzip.decompress((tmp_path / "out" / "cuts.000000.jsonl.gz").read_bytes())
    assert b"shard_origin" not in lines


@shar
@pytest.mark.parametrize("at", [2, 7, 11])
def test_an_interrupted_shar_run_is_resumed_with_identical_results(shards, tmp_path, at):
    run(shards, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(shards, tmp_path / "broken", score=Stops(at))
    assert not (tmp_path / "broken").exists()
    run(shards, tmp_path / "broken")

    assert contents(tmp_path / "broken") == contents(tmp_path / "whole")


@shar
def test_a_shar_directory_with_less_audio_than_cuts_is_rejected(shards, tmp_path):
    (shards / "recording.000001.tar").write_bytes((shards / "recording.000002.tar").read_bytes())

    with pytest.raises((FormatError, AssertionError)):
        run(shards, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@shar
@pytest.mark.parametrize("field", ["emotion", "emotion_embedding"])
def test_a_shar_directory_with_files_for_a_new_field_is_rejected(shards, tmp_path, field):
    for path in sorted(shards.glob("recording.*.tar")):
        path.with_name(path.name.replace("recording", field)).hardlink_to(path)

    with pytest.raises(OptionsError, match=f"shar .*files for {field},"):
        run(shards, tmp_path / "out")
    assert not list(tmp_path.glob("out*"))


def test_a_store_inside_the_source_directory_is_rejected(shards, tmp_path):
    with pytest.raises(OptionsError, match=r"outside of .*shar, .*arrays\.h5"):
        run(shards, tmp_path / "out", store=shards / "arrays.h5")


def test_a_directory_without_cuts_is_rejected_as_shar_directory(tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(FormatError, match=r"Shar directory, .*in: .*cuts\.000000\.jsonl"):
        run(tmp_path / "in", tmp_path / "out")


def test_a_single_manifest_as_output_of_a_shar_directory_is_rejected(shards, tmp_path):
    with pytest.raises(FormatError, match=r"Shar .*out\.jsonl\.gz.*lhotse shar export"):
        run(shards, tmp_path / "out.jsonl.gz")


def test_a_store_inside_the_target_directory_is_rejected(shards, tmp_path):
    with pytest.raises(OptionsError, match=r"outside of .*out, .*arrays\.h5"):
        run(shards, tmp_path / "out", store=tmp_path / "out" / "arrays.h5")


def test_arrays_need_a_store(manifest, tmp_path):
    with pytest.raises(OptionsError, match="store=PATH"):
        run(manifest, tmp_path / "out.jsonl", options=Options(embeddings=True))


def test_a_folder_with_a_suffix_needs_a_store_type(manifest, tmp_path):
    store, options = tmp_path / "arrays.v2", Options(embeddings=True)

    with pytest.raises(OptionsError, match=r"arrays\.v2; .*numpy_files"):
        run(manifest, tmp_path / "out.jsonl", store=store)
    run(manifest, tmp_path / "out.jsonl", store=store, store_type="numpy_files", options=options)

    assert store.is_dir()


def test_kept_labels_are_counted_without_a_warning(cuts, tmp_path):
    cuts.map_supervisions(lambda s: s.with_custom("emotion", "calm")).to_file(tmp_path / "in.jsonl")

    summary = run(tmp_path / "in.jsonl", tmp_path / "out.jsonl")

    assert (summary.skipped, summary.scored) == (summary.turns - 1, 1)


def test_an_unknown_store_type_is_rejected(manifest, tmp_path):
    with pytest.raises(OptionsError, match=r"lilcom_chunky.*'zarr'"):
        run(manifest, tmp_path / "out.jsonl", store=tmp_path / "x", store_type="zarr")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"id": "r", "sources": []}\n', ""),
        ("[1]\n", ""),
        ("{\n", "JSONDecodeError"),
    ],
)
def test_a_line_that_is_not_a_cut_is_named(tmp_path, text, found):
    (tmp_path / "in.jsonl").write_text(text)

    with pytest.raises(FormatError, match=rf"in\.jsonl, line 1: .*{found}"):
        run(tmp_path / "in.jsonl", tmp_path / "out.jsonl")


def test_a_damaged_gzip_file_is_named(manifest, tmp_path):
    manifest.write_bytes(manifest.read_bytes()[:-20])

    with pytest.raises(FormatError, match=r"in\.jsonl\.gz: .*gzip"):
        run(manifest, tmp_path / "out.jsonl")


@pytest.mark.parametrize("name", ["out.json", "out", "out.yaml"])
def test_other_kinds_of_manifest_are_rejected(manifest, tmp_path, name):
    with pytest.raises(FormatError, match=f"{name}; .*lhotse copy"):
        run(manifest, tmp_path / name)


def test_a_missing_manifest_is_named(tmp_path):
    with pytest.raises(FormatError, match=r"gone\.jsonl: "):
        run(tmp_path / "gone.jsonl", tmp_path / "out.jsonl")


def test_cuts_are_read_from_a_manifest_of_lines(manifest, cuts):
    assert read_cuts(manifest) == list(cuts)


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("empty.jsonl", FormatError, r"empty\.jsonl: .*no cuts"),
        ("cuts.csv", FormatError, r"\.jsonl or \.jsonl\.gz .*cuts\.csv"),
        (".", FormatError, r"\.jsonl or \.jsonl\.gz "),
        ("gone.jsonl", FileNotFoundError, "gone"),
    ],
)
def test_reading_an_empty_missing_or_other_manifest_is_an_error(tmp_path, name, error, message):
    (tmp_path / "empty.jsonl").write_text("")

    with pytest.raises(error, match=message):
        read_cuts(tmp_path / name)


def test_the_output_of_an_empty_manifest_is_empty(tmp_path):
    (tmp_path / "in.jsonl").write_text("")

    assert run(tmp_path / "in.jsonl", tmp_path / "out.jsonl") == Summary()
    assert (tmp_path / "out.jsonl").read_bytes() == b""


def test_a_journal_drops_an_incomplete_line(tmp_path):
    path = tmp_path / "journal"
    Journal(path, {"a": 1}).step({"cuts": 3})
    with path.open("ab") as file:
        file.write(b'{"cuts": 4')

    again = Journal(path, {"a": 1})
    again.step({"cuts": 5})

    assert path.read_text() == '{"a": 1}\n{"cuts": 3}\n{"cuts": 5}\n'


def test_differences_have_names_and_values():
    before = {"a": {"b": 1}, "c": 2, "input": {"x": 1, "y": 2}, "sha256": "ab" * 32}
    after = {"a": {"b": 3}, "c": 2, "d": None, "input": {"x": 3}, "sha256": "cd" * 32}

    nested, given, digest = differences(before, after).split("; ")

    assert all(fact in nested for fact in ("a.b", "1", "3"))
    assert "input" in given
    assert all(fact in digest for fact in ("sha256", "abababababab...", "cdcdcdcdcdcd..."))


def test_emodb_clips_are_annotated_as_single_files(shared, tmp_path):
    files = sorted((shared / "emodb").rglob("*.wav"))[:40]
    CutSet.from_cuts(Recording.from_file(f).to_cut() for f in files).to_file(tmp_path / "in.jsonl")

    summary = run(tmp_path / "in.jsonl", tmp_path / "out.jsonl", store=tmp_path / "arrays")

    assert summary == Summary(cuts=40, turns=40, scored=40)
    for cut, path in zip(CutSet.from_file(tmp_path / "out.jsonl"), files, strict=True):
        expected = Engine(FakeBackend()).score(path)[0]
        assert cut.emotion_scores == expected.scores
        np.testing.assert_array_equal(cut.load_emotion_embedding(), expected.embedding)
        assert soundfile.info(path).duration == cut.duration
