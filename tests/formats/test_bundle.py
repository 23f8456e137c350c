"""A recording's results as files."""

from __future__ import annotations

import dataclasses
import errno
import json
from pathlib import Path

import numpy as np
import pytest
from support.paths import contents_of, names_in

from emo2vec_plugins import (
    Dialogue,
    Emotion,
    Engine,
    Options,
    Recording,
    ScoredTurn,
    Turn,
    annotate,
)
from emo2vec_plugins.errors import Emo2vecWarning, FormatError, OverwriteError
from emo2vec_plugins.files import overwriting, protecting
from emo2vec_plugins.formats import bundle as bundle_module
from emo2vec_plugins.formats.bundle import read_bundle, write_bundle
from emo2vec_plugins.formats.rttm import read_rttm
from emo2vec_plugins.integrations.rttm_sources import read_rttm_sources
from emo2vec_plugins.testing import FakeBackend, tone

SOURCE = (
    "SPEAKER x 1 1.0 1.5 <NA> <NA> MÉO069 <NA> <NA>\r\n"
    "SPEAKER x 1 0.25 1.0 <NA> <NA> FEE030 <NA> <NA>\n"
    "SPEAKER x 1 0.5 0.0 <NA> <NA> FEE030 <NA> <NA>\n"
    "SPEAKER x 1 1.0 1.5 <NA> <NA> FEE030 <NA> <NA>"
)


@pytest.fixture
def sources(tmp_path, write):
    write("x.wav", tone(3.0), 16_000)
    path = tmp_path / "ref.rttm"
    path.write_bytes(SOURCE.encode("utf-8"))
    return read_rttm_sources(path, tmp_path)


@pytest.fixture
def dialogue(sources) -> Dialogue:
    """Four turns with all arrays, one of which could not be scored."""
    engine = Engine(FakeBackend(), granularity="frame")
    options = Options(embeddings=True, frames=True)
    [dialogue] = annotate(sources.sources, score=engine, options=options)
    return dialogue


def test_given_rttm_lines_are_written_unchanged(dialogue, sources, tmp_path):
    bundle = write_bundle(dialogue, tmp_path / "out", rttm=sources.lines["x"])

    assert bundle.rttm.read_bytes() == SOURCE.encode("utf-8")


def test_rttm_lines_are_made_from_turns_if_not_given(dialogue, tmp_path):
    bundle = write_bundle(dialogue, tmp_path / "out")

    [recording] = read_rttm(bundle.rttm)
    assert [turn.speaker for turn in recording.turns] == ["MÉO069", *["FEE030"] * 3]


def test_the_files_are_named_after_the_recording(dialogue, tmp_path):
    write_bundle(dialogue, tmp_path / "a" / "b", embeddings=True)

    assert names_in(tmp_path / "a" / "b") == [
        "x.embeddings.npz",
        "x.emotion.rttm",
        "x.emotions.jsonl",
        "x.rttm",
        "x.spkemo.rttm",
    ]


@pytest.mark.parametrize("name", ["../x", "a/b", "..", "/etc/x", "x.emotion", ""])
def test_no_name_escapes_the_folder(name, dialogue, tmp_path):
    folder = tmp_path / "out"

    write_bundle(dataclasses.replace(dialogue, recording=name), folder)

    assert len(names_in(folder)) == 4
    assert names_in(tmp_path) == ["out", "ref.rttm", "x.wav"]
    assert read_bundle(folder, name).recording == name


def test_real_readers_find_every_turn(dialogue, sources, tmp_path):
    from lhotse import SupervisionSet
    from pyannote.database.util import load_rttm

    bundle = write_bundle(dialogue, tmp_path / "out", rttm=sources.lines["x"])

    for path in (bundle.emotion_rttm, bundle.spkemo_rttm):
        times = [(1.0, 1.5), (0.25, 1.0), (0.5, 0.001), (1.0, 1.5)]
        tracks = sorted(load_rttm(path)["x"].itertracks(), key=lambda track: track[1])
        assert [(s.start, round(s.duration, 6)) for s, _ in tracks] == times
        assert [(s.start, s.duration) for s in SupervisionSet.from_rttm(path)] == times
    # The source's lines are not corrected: both readers drop its turn of zero length.
    assert sum(1 for _ in load_rttm(bundle.rttm)["x"].itertracks()) == 3
    assert len(SupervisionSet.from_rttm(bundle.rttm)) == 3


def test_an_unscored_turn_is_written_with_its_reason(dialogue, tmp_path):
    bundle = write_bundle(dialogue, tmp_path)

    row = json.loads(bundle.emotions_jsonl.read_text("utf-8").splitlines()[2])
    assert (row["start"], row["end"], row["emotion"]) == (0.5, 0.5, None)
    assert row["reason"].startswith("too short")
    assert bundle.spkemo_rttm.read_text("utf-8").splitlines()[2] == (
        "SPEAKER x 1 0.500 0.001 <NA> <NA> FEE030+unscored <NA> <NA>"
    )


def test_everything_is_read_back(dialogue, tmp_path):
    write_bundle(dialogue, tmp_path, embeddings=True)

    again = read_bundle(tmp_path, "x")

    assert again == dialogue
    for before, after in zip(dialogue.turns, again.turns, strict=True):
        for field in ("embedding", "frame_embeddings", "frame_logits"):
            one, other = getattr(before.emotion, field), getattr(after.emotion, field)
            assert (one is None) == (other is None)
            if one is not None:
                np.testing.assert_array_equal(one, other)
                assert one.shape == other.shape


def test_arrays_can_be_float16(dialogue, tmp_path):
    write_bundle(dialogue, tmp_path, embeddings=True, array_dtype="float16")

    embedding = read_bundle(tmp_path, "x").turns[0].emotion.embedding
    assert embedding.dtype == np.float16
    np.testing.assert_allclose(embedding, dialogue.turns[0].emotion.embedding, atol=1e-3)


def test_a_dialogue_without_arrays_has_none(tmp_path):
    spoken = ScoredTurn(turn=Turn(start=0, end=1), emotion=Emotion(reason="no audio"))
    dialogue = Dialogue(recording="x", turns=(spoken,))

    write_bundle(dialogue, tmp_path, embeddings=True)

    assert read_bundle(tmp_path, "x").turns[0].emotion.embedding is None


def test_arrays_of_an_earlier_run_are_removed(dialogue, tmp_path):
    earlier = write_bundle(dialogue, tmp_path, embeddings=True)

    with pytest.warns(Emo2vecWarning, match=earlier.embeddings.name):
        later = write_bundle(dialogue, tmp_path)

    assert later.embeddings is None
    assert not earlier.embeddings.exists()


@pytest.mark.parametrize("allowed", [False, True])
def test_arrays_of_others_are_left(dialogue, tmp_path, allowed):
    arrays = tmp_path / "x.embeddings.npz"
    arrays.write_text("mine")

    with overwriting(allowed):
        write_bundle(dialogue, tmp_path)

    assert arrays.read_text() == "mine"


def test_an_input_that_has_the_same_lines_is_left_alone(dialogue, tmp_path):
    path = tmp_path / "x.rttm"
    path.write_bytes(SOURCE.encode())

    with protecting(path):
        before = path.stat()
        write_bundle(dialogue, tmp_path, rttm=SOURCE)
        assert path.stat() == before
        with pytest.raises(OverwriteError, match=path.name):
            write_bundle(dialogue, tmp_path, rttm=SOURCE + "\n")

    assert path.read_bytes() == SOURCE.encode()


def test_readers_during_replacement_find_complete_files(dialogue, tmp_path):
    bundle = write_bundle(dialogue, tmp_path)
    before = bundle.emotions_jsonl.read_bytes()

    with bundle.emotions_jsonl.open("rb") as reader:
        write_bundle(dataclasses.replace(dialogue, turns=()), tmp_path)

        assert reader.read() == before


def test_a_full_disk_leaves_old_files_intact(dialogue, tmp_path, monkeypatch):
    bundle = write_bundle(dialogue, tmp_path / "out")
    before = contents_of(tmp_path / "out")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(bundle_module.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_bundle(dataclasses.replace(dialogue, turns=()), bundle.rttm.parent)

    assert contents_of(tmp_path / "out") == before


def test_a_score_that_cannot_be_written_leaves_nothing(tmp_path):
    nan = ScoredTurn(turn=Turn(start=0, end=1), emotion=Emotion(label="sad", score=float("nan")))

    with pytest.raises(FormatError, match="NaN"):
        write_bundle(Dialogue(recording="x", turns=(nan,)), tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_files_have_ordinary_permissions(dialogue, tmp_path):
    bundle = write_bundle(dialogue, tmp_path)
    other = tmp_path / "other"
    other.touch()

    assert bundle.rttm.stat().st_mode == other.stat().st_mode


def test_another_recordings_lines_are_refused(dialogue, tmp_path):
    bundle = write_bundle(dialogue, tmp_path)
    bundle.emotions_jsonl.rename(tmp_path / "y.emotions.jsonl")

    with pytest.raises(FormatError, match=r"'y'.*'x'"):
        read_bundle(tmp_path, "y")


def test_arrays_of_other_turns_are_refused(dialogue, tmp_path):
    arrays = write_bundle(dialogue, tmp_path, embeddings=True).embeddings
    kept = arrays.read_bytes()
    arrays.unlink()
    write_bundle(dataclasses.replace(dialogue, turns=dialogue.turns[:1]), tmp_path)
    arrays.write_bytes(kept)

    with pytest.raises(FormatError, match="1 turns"):
        read_bundle(tmp_path, "x")


def test_an_excerpt_of_a_meeting_is_written_turn_for_turn(shared, tmp_path):
    from lhotse import SupervisionSet
    from pyannote.database.util import load_rttm

    folder = shared / "conversations"
    reference = folder / "debug.train.rttm"
    found = read_rttm_sources(reference, folder / "trn01.wav")
    [dialogue] = annotate(found.sources, score=Engine(FakeBackend()))

    bundle = write_bundle(dialogue, tmp_path, rttm=found.lines["trn01"])

    tracks = list(load_rttm(reference)["trn01"].itertracks(yield_label=True))
    spans = [(segment, speaker) for segment, _, speaker in tracks]
    labels = [each.emotion.label for each in dialogue.turns]
    assert [
        (s, n) for s, _, n in load_rttm(bundle.rttm)["trn01"].itertracks(yield_label=True)
    ] == spans
    for path, names in (
        (bundle.emotion_rttm, labels),
        (
            bundle.spkemo_rttm,
            [f"{who}+{what}" for (_, who), what in zip(spans, labels, strict=True)],
        ),
    ):
        read = load_rttm(path)["trn01"].itertracks(yield_label=True)
        assert [(segment, name) for segment, _, name in read] == [
            (segment, name) for (segment, _), name in zip(spans, names, strict=True)
        ]
        supervisions = SupervisionSet.from_rttm(path)
        assert [each.speaker for each in supervisions] == names
    assert len(labels) == 6
    assert None not in labels


def test_bundles_are_written_for_arrays_in_memory(tmp_path):
    source = Recording(recording="live", audio=(tone(1.0), 16_000))
    [dialogue] = annotate([source], score=Engine(FakeBackend()))

    bundle = write_bundle(dialogue, str(tmp_path))

    assert bundle.emotions_jsonl == Path(tmp_path) / "live.emotions.jsonl"
