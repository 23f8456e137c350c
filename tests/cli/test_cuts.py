"""``emo2vec cuts``: a manifest in, the same with emotions out."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from lhotse import CutSet, Recording, SupervisionSegment
from support.cli_runner import run
from support.facts import assert_facts
from support.paths import TESTS

from emo2vec_plugins.testing import FakeBackend

TOO_SHORT = (
    "  cut b, supervision b-0: too short: 160 samples at 16 kHz, one frame needs 400 (25 ms)"
)


@pytest.fixture
def manifest(write, noise, tmp_path):
    """Two cuts of 4 s; the first has two turns, the second one that is too short to score."""
    recordings = [
        Recording.from_file(write(f"{name}.wav", noise(64000, seed=index), 16000))
        for index, name in enumerate("ab")
    ]
    turns = [[("a-0", 0.5, 1.5), ("a-1", 1.0, 2.0)], [("b-0", 0.0, 0.01)]]
    cuts = []
    for recording, spans in zip(recordings, turns, strict=True):
        cut = recording.to_cut()
        cut.supervisions = [
            SupervisionSegment(
                id=name, recording_id=recording.id, start=start, duration=end, speaker=name
            )
            for name, start, end in spans
        ]
        cuts.append(cut)
    path = tmp_path / "cuts.jsonl.gz"
    CutSet.from_cuts(cuts).to_file(path)
    return path


def cuts(*arguments, **more):
    return run("cuts", "--model", "fake", *arguments, **more)


def supervisions(path):
    return [sup for cut in CutSet.from_file(path) for sup in cut.supervisions]


def test_every_supervision_gets_an_emotion_or_a_reason(manifest, tmp_path):
    out = tmp_path / "out.jsonl.gz"

    result = cuts(manifest, "-o", out)

    assert result.exit_code == 3
    trust, summary, warning, reason = result.stderr.splitlines()
    assert_facts(trust, "fake", "model card")
    assert_facts(summary, "3 turns of 2 cuts", "fake@000000000000 (float32)", out)
    assert_facts(warning, "warning: 1 of 3 turns failed", "emotion_reason")
    assert reason == TOO_SHORT
    assert_facts(result.stdout, "emotion  ", "(no label)  1", "too short  ", "all  ")
    found = supervisions(out)
    assert [sup.id for sup in found] == ["a-0", "a-1", "b-0"]
    assert all(sup.emotion in FakeBackend.labels.names for sup in found[:2])
    assert found[2].emotion is None
    assert found[2].emotion_reason.startswith("too short")


def test_arrays_go_to_the_store(manifest, tmp_path):
    out, store = tmp_path / "out.jsonl.gz", tmp_path / "arrays"

    cuts(
        *(manifest, "-o", out, "--embeddings", "--frames", "--store", store),
        *("--store-type", "numpy_files", "--array-dtype", "float16"),
    )

    first = supervisions(out)[0]
    assert first.load_emotion_embedding().shape == (4,)
    assert first.load_emotion_embedding().dtype == np.float16
    assert first.load_emotion_frames().shape[1] == 4


def test_arrays_without_a_store_are_wrong_usage(manifest, tmp_path):
    result = cuts(manifest, "-o", tmp_path / "out.jsonl.gz", "--embeddings")

    assert result.exit_code == 2
    assert "need --store PATH" in result.stderr


def test_labels_are_kept_unless_overwriting(manifest, tmp_path):
    labelled = tmp_path / "labelled.jsonl"
    CutSet.from_file(manifest).map_supervisions(
        lambda sup: sup.with_custom("emotion", "human")
    ).to_file(labelled)

    kept = cuts(labelled, "-o", tmp_path / "kept.jsonl")
    cuts(labelled, "-o", tmp_path / "new.jsonl", "--overwrite")
    cuts(labelled, "-o", tmp_path / "beside.jsonl", "--field", "model")

    assert kept.exit_code == 0
    assert_facts(kept.stderr, "warning: ", "3 turns", "'emotion'", "--field", "--overwrite")
    assert supervisions(tmp_path / "kept.jsonl")[0].emotion == "human"
    assert supervisions(tmp_path / "new.jsonl")[0].emotion in FakeBackend.labels.names
    beside = supervisions(tmp_path / "beside.jsonl")[0]
    assert beside.emotion == "human"
    assert beside.model in FakeBackend.labels.names


def test_labels_that_were_kept_are_counted(manifest, tmp_path):
    labelled = tmp_path / "labelled.jsonl"
    CutSet.from_file(manifest).map_supervisions(
        lambda sup: sup.with_custom("emotion", "human" if sup.id == "a-0" else "")
    ).to_file(labelled)

    result = cuts(labelled, "-o", tmp_path / "out.jsonl")

    assert_facts(result.stderr, "3 turns of 2 cuts, 1 already labelled", "fake@")
    assert supervisions(tmp_path / "out.jsonl")[1].emotion in FakeBackend.labels.names


def test_ten_failures_are_named(manifest, tmp_path):
    short = json.loads(_lines(manifest)[1])
    many = tmp_path / "many.jsonl"
    many.write_text("".join(json.dumps(short | {"id": f"cut-{i}"}) + "\n" for i in range(12)))

    lines = cuts(many, "-o", tmp_path / "out.jsonl", "--quiet").stderr.splitlines()

    assert len(lines) == 12
    assert_facts(lines[0], "warning: 12 of 12 turns failed", "emotion_reason")
    assert lines[10].startswith("  cut cut-9, supervision b-0: too short")
    assert lines[11] == "  and 2 more"


def test_finished_run_says_so_and_how_failures_are_tried_again(manifest, tmp_path):
    out, again = tmp_path / "out.jsonl.gz", tmp_path / "again.jsonl.gz"
    cuts(manifest, "-o", out)

    finished = cuts(manifest, "-o", out)
    renewed = cuts(out, "-o", again)

    assert finished.exit_code == 3
    summary, warning, reason = finished.stderr.splitlines()
    assert_facts(summary, f"{out} was already complete", f"emo2vec cuts {out} -o OUT2")
    assert_facts(warning, "warning: 1 of 3 turns failed", "emotion_reason")
    assert reason == TOO_SHORT
    assert "2 already labelled" in renewed.stderr
    assert supervisions(again) == supervisions(out)


def test_manifest_that_was_no_good_is_no_hindrance_once_it_is(manifest, tmp_path):
    broken, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    broken.write_text('{"a": 1}\n')

    failed = cuts(broken, "-o", out)
    left = sorted(path.name for path in tmp_path.glob("out*"))
    broken.write_text("".join(_lines(manifest)))
    repaired = cuts(broken, "-o", out)

    assert (failed.exit_code, left) == (1, [])
    assert (repaired.exit_code, len(supervisions(out))) == (3, 3)


def test_bad_lines_are_named_and_correcting_one_annotates_it_only(manifest, tmp_path):
    first, second = gzip.decompress(manifest.read_bytes()).splitlines()
    torn, out = tmp_path / "torn.jsonl", tmp_path / "out.jsonl"
    torn.write_bytes(first + b"\n" + second[:-1] + b"\n")

    result = cuts(torn, "-o", out)

    assert result.exit_code == 3
    assert_facts(result.stderr, "1 bad item", f"\n  {torn}: line 2: ")
    assert out.read_bytes().splitlines()[1] == second[:-1]
    torn.write_bytes(first + b"\n" + second + b"\n")
    backend = FakeBackend()
    again = cuts(torn, "-o", out, backend=backend)
    assert again.exit_code == 3  # the turn is too short
    assert "bad item" not in again.stderr
    assert backend.batches == []
    assert [cut.id for cut in CutSet.from_file(out)] == [cut.id for cut in CutSet.from_file(torn)]


def test_bad_lines_may_be_left_out_or_stop_the_command(manifest, tmp_path):
    torn, out, other = (tmp_path / name for name in ("torn.jsonl", "out.jsonl", "other.jsonl"))
    torn.write_bytes(b"{torn\n" + gzip.decompress(manifest.read_bytes()))

    left_out = cuts(torn, "-o", out, "--bad-items", "drop")
    stopped = cuts(torn, "-o", other, "--bad-items", "stop")

    assert (left_out.exit_code, stopped.exit_code) == (3, 1)
    assert len(out.read_bytes().splitlines()) == 2
    assert_facts(stopped.stderr, "error: ", torn, "line 1")
    assert not other.exists()


def test_folder_of_audio_is_not_called_shar(tmp_path, noise, write):
    folder = tmp_path / "wavs"
    folder.mkdir()
    write("wavs/a.wav", noise(16000), 16000)

    result = cuts(folder, "-o", tmp_path / "out.jsonl.gz")

    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    for fact in (f"Shar directory, got {folder}", "cuts.000000.jsonl"):
        assert fact in result.stderr


def test_store_of_a_kind_that_is_not_known_is_explained(manifest, tmp_path):
    store = tmp_path / "emb.npz"
    result = cuts(manifest, "-o", tmp_path / "out.jsonl", "--embeddings", "--store", store)

    assert result.exit_code == 1
    assert all(fact in result.stderr for fact in (".lca", ".h5", str(store), "numpy_files"))
    assert not store.exists()


def test_missing_manifest_is_one_line(tmp_path):
    result = cuts("gone.jsonl.gz", "-o", tmp_path / "out.jsonl.gz")

    assert (result.exit_code, result.stderr) == (
        1,
        "emo2vec: error: gone.jsonl.gz: No such file or directory\n",
    )


def test_output_of_another_kind_is_one_line(manifest, tmp_path):
    result = cuts(manifest, "-o", tmp_path / "out.txt")

    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1


def test_output_of_other_settings_is_not_replaced(manifest, tmp_path):
    out = tmp_path / "out.jsonl"
    plain = tmp_path / "plain.jsonl"
    CutSet.from_file(manifest).to_file(plain)
    cuts(plain, "-o", out)
    before = out.read_bytes()

    result = cuts(plain, "-o", out, "--field", "other")

    assert result.exit_code == 1
    assert out.read_bytes() == before


INTERRUPTING = """
import os, signal
from support.cli_runner import FakeModels
from emo2vec_plugins.cli import main
from emo2vec_plugins import Plugins
from emo2vec_plugins.testing import FakeBackend

# A job in the background inherits an ignored SIGINT, and Python then sets no handler.
signal.signal(signal.SIGINT, signal.default_int_handler)

class Interrupting(FakeBackend):
    batch_seconds = 2.0

    def run(self, waveforms):
        if len(self.batches) == 20:
            os.kill(os.getpid(), getattr(signal, os.environ["SIGNAL"]))
        return super().run(waveforms)

main(obj=Plugins([FakeModels(Interrupting())], installed=False))
"""


@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_interrupted_run_says_so_and_goes_on(manifest, tmp_path, name, status):
    many, out = tmp_path / "many.jsonl", tmp_path / "out.jsonl"
    lines = [json.loads(cut_line) for cut_line in _lines(manifest)]
    many.write_text(
        "".join(json.dumps(lines[0] | {"id": f"cut-{index}"}) + "\n" for index in range(40))
    )
    arguments = ["cuts", "--model", "fake", str(many), "-o", str(out)]

    process = subprocess.run(
        [sys.executable, "-c", INTERRUPTING, *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(TESTS), "SIGNAL": name},
        timeout=120,
    )

    assert process.returncode == status
    advice, error = process.stderr.splitlines()
    assert "resume" in advice
    assert error.startswith("emo2vec: error: ")
    assert not out.exists()

    class Small(FakeBackend):
        batch_seconds = 2.0

    resumed = Small()
    assert cuts(many, "-o", out, backend=resumed).exit_code == 0
    assert len(supervisions(out)) == 80
    assert 0 < len(resumed.batches) < 80


def _lines(manifest):
    import gzip

    with gzip.open(manifest, "rt") as lines:
        return list(lines)


def test_what_a_damaged_gzip_file_loses_is_said(manifest, tmp_path):
    path = tmp_path / "damaged.jsonl.gz"
    packed = bytearray(gzip.compress(gzip.decompress(manifest.read_bytes())))
    packed[-5] ^= 255  # of the checksum
    path.write_bytes(packed)

    result = cuts(path, "-o", tmp_path / "out.jsonl.gz")

    assert result.exit_code == 3
    facts = ("may be wrong", "the rest of the file is left out")
    assert_facts(result.stderr, "1 bad item", f"{path}: line 3: ", "damaged", *facts)


def test_an_empty_file_is_a_damaged_gzip_file_but_may_be_an_empty_manifest(tmp_path):
    names = ("torn.jsonl.gz", "packed.jsonl.gz", "plain.jsonl")
    torn, packed, plain = (tmp_path / name for name in names)
    for path in (torn, packed, plain):
        path.write_bytes(gzip.compress(b"") if path == packed else b"")

    results = [cuts(path, "-o", tmp_path / f"out.{path.name}") for path in (torn, packed, plain)]

    assert [each.exit_code for each in results] == [1, 0, 0]
    assert_facts(results[0].stderr, f"error: {torn}", "empty")
    assert not (tmp_path / f"out.{torn.name}").exists()
    assert_facts(results[1].stderr, f"warning: {packed}")
    assert_facts(results[2].stderr, f"warning: {plain}")
