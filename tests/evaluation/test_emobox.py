"""EmoBox folds: read as cuts, evaluated one by one and together."""

from __future__ import annotations

import json

import pytest

from emo2vec_plugins.engine.engine import Engine
from emo2vec_plugins.errors import FormatError, LabelError, OptionsError
from emo2vec_plugins.evaluation.emobox import (
    as_cuts,
    chosen_folds,
    clips_of,
    is_emobox,
    missing_audio,
    read_emobox,
)
from emo2vec_plugins.evaluation.folds import evaluate_folds
from emo2vec_plugins.evaluation.predictions import Prediction
from emo2vec_plugins.evaluation.reading import Truth, predict
from emo2vec_plugins.formats import LabelMap
from emo2vec_plugins.testing import FakeBackend

EMODB = LabelMap({"anger": "angry", "boredem": None, "disgust": "disgusted", "fear": "fearful"})


def line(name, emotion, **more):
    return {
        "key": f"toy-{name}",
        "dataset": "toy",
        "wav": f"downloads/toy/wav/{name}.wav",
        "type": "raw",
        "sample_rate": 16000,
        "num_frame": 16000.000000000004,
        "task": "category",
        "length": 1.0,
        "emo": emotion,
        "channel": 1,
        **more,
    }


CLIPS = [line("01a", "anger"), line("01b", "sad"), line("02a", "anger"), line("02b", "sad")]


@pytest.fixture
def box(tmp_path):
    """A corpus of four clips by two speakers, with one fold per speaker."""
    folder = tmp_path / "toy"
    for fold, test in ((1, CLIPS[:2]), (2, CLIPS[2:])):
        train = [each for each in CLIPS if each not in test]
        path = folder / f"fold_{fold}"
        path.mkdir(parents=True)
        for split, clips in (("train", train), ("test", test)):
            text = "".join(json.dumps(each) + "\n" for each in clips)
            (path / f"toy_{split}_fold_{fold}.jsonl").write_text(text)
    return folder


@pytest.fixture
def audio(write, noise, tmp_path):
    """The audio of the clips, in another folder layout."""
    (tmp_path / "wav").mkdir()
    for seed, each in enumerate(("01a", "01b", "02a", "02b")):
        write(f"wav/{each}.wav", noise(16000, seed=seed), 16000)
    return tmp_path


def rewrite(box, fold, split, *clips):
    path = box / f"fold_{fold}" / f"toy_{split}_fold_{fold}.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in clips))
    return path


def test_folds_are_read_in_order_with_their_splits(box):
    folds = read_emobox(box)

    assert is_emobox(box)
    assert [fold.name for fold in folds] == ["fold_1", "fold_2"]
    assert [clip.key for clip in folds[0].splits["test"]] == ["toy-01a", "toy-01b"]
    assert [clip.key for clip in folds[0].splits["train"]] == ["toy-02a", "toy-02b"]
    assert "valid" not in folds[0].splits
    assert folds[0].splits["test"][0].speaker is None


def test_the_tenth_fold_comes_after_the_second(box):
    (box / "fold_2").rename(box / "fold_10")
    (box / "fold_10" / "toy_test_fold_2.jsonl").rename(box / "fold_10" / "toy_test_fold_10.jsonl")
    (box / "fold_1").rename(box / "fold_2")
    (box / "fold_2" / "toy_test_fold_1.jsonl").rename(box / "fold_2" / "toy_test_fold_2.jsonl")

    assert [fold.name for fold in read_emobox(box)] == ["fold_2", "fold_10"]


def test_a_file_with_the_older_name_is_read_if_it_is_the_only_one(box):
    (box / "fold_1" / "toy_test_fold_1.jsonl").rename(box / "fold_1" / "toy_test_fold1.jsonl")

    assert len(read_emobox(box)[0].splits["test"]) == 2


def test_a_pattern_finds_the_speaker(box):
    folds = read_emobox(box, speaker_pattern=r"toy-(\d\d)")

    assert [clip.speaker for clip in clips_of(folds)] == ["01", "01", "02", "02"]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [("toy-(", "toy-"), (r"toy-\d\d", "group"), (r"x(\d)", "key 'toy-02a'")],
)
def test_a_pattern_that_finds_no_speaker_is_refused(box, pattern, message):
    with pytest.raises(OptionsError, match=message):
        read_emobox(box, speaker_pattern=pattern)


def test_some_folds_are_chosen_by_number(box):
    folds = read_emobox(box)

    assert [fold.name for fold in chosen_folds(folds, [2])] == ["fold_2"]
    assert chosen_folds(folds, []) == folds
    with pytest.raises(OptionsError, match=r"fold 7.*1, 2"):
        chosen_folds(folds, [7])


def test_a_clip_is_a_cut_with_its_key_and_the_corpus_label(box, audio):
    (cut, *_) = as_cuts(clips_of(read_emobox(box, speaker_pattern=r"toy-(\d\d)")), audio)

    (supervision,) = cut.supervisions
    assert (supervision.id, supervision.emotion, supervision.speaker) == ("toy-01a", "anger", "01")
    assert (cut.recording.num_samples, supervision.duration) == (16000, 1.0)


def test_a_clip_may_be_part_of_a_longer_recording(box, audio):
    rewrite(box, 1, "test", line("01a", "anger", start_time=0.25, end_time=0.75, length=0.5))

    (cut,) = as_cuts(clips_of(read_emobox(box)[:1]), audio)

    assert (cut.supervisions[0].start, cut.supervisions[0].duration) == (0.25, 0.5)
    assert cut.duration == 1.0


@pytest.mark.parametrize("has_audio", [True, False])
def test_clips_of_one_file_share_a_recording(box, audio, has_audio):
    clips = [
        line("first", "anger", wav="x/wav/01a.wav", start_time=0.0, end_time=0.5, length=0.5),
        line("second", "sad", wav="x/wav/01a.wav", start_time=0.5, end_time=1.0, length=0.5),
        line("01b", "sad"),
    ]
    rewrite(box, 1, "test", *clips)

    cuts = as_cuts(clips_of(read_emobox(box)[:1]), audio if has_audio else None)

    assert [cut.id for cut in cuts] == ["toy-first", "toy-second", "toy-01b"]
    recordings = [cut.recording for cut in cuts]
    assert recordings[0] == recordings[1]
    assert recordings[0].num_samples == 16000
    assert [cut.supervisions[0].recording_id for cut in cuts] == [each.id for each in recordings]
    assert len({each.id for each in recordings}) == 2


def test_missing_audio_is_counted_and_named(box, audio):
    (audio / "wav" / "02a.wav").unlink()
    clips = clips_of(read_emobox(box))

    assert [clip.key for clip in missing_audio(clips, audio)] == ["toy-02a"]
    with pytest.raises(FormatError, match=r"1 of 4 clips.*downloads/toy/wav/02a"):
        as_cuts(clips, audio)


def test_cuts_without_a_root_need_no_audio(box):
    cuts = as_cuts(clips_of(read_emobox(box)))

    assert [cut.recording.num_samples for cut in cuts] == [16000] * 4


def test_folders_without_folds_are_refused(box, tmp_path):
    assert not is_emobox(tmp_path)
    assert not is_emobox(box / "fold_1" / "toy_test_fold_1.jsonl")
    with pytest.raises(FormatError, match="fold_1, fold_2"):
        read_emobox(tmp_path)
    (box / "fold_2" / "toy_test_fold_2.jsonl").unlink()
    with pytest.raises(FormatError, match=r"fold_2: .*\*_test_fold_2\.jsonl"):
        read_emobox(box)


def test_a_malformed_line_is_named(box):
    path = rewrite(box, 1, "test", CLIPS[0], {"key": "x"})

    with pytest.raises(FormatError, match=f"{path}: line 2: .*'wav'"):
        read_emobox(box)


def test_folds_are_averaged_with_their_deviation():
    labels = {"a": "angry", "b": "sad", "c": "sad", "d": "sad"}
    truth = {"a": "angry", "b": "sad", "c": "angry", "d": "sad"}
    found = evaluate_folds(
        [
            Prediction(id=name, truth=truth[name], label=labels[name], duration=1.0)
            for name in labels
        ],
        {"fold_1": ["a", "b"], "fold_2": ["c", "d", "not there"]},
        resamples=0,
    )

    assert [fold.ua.value for fold in found.folds.values()] == [1.0, 0.5]
    assert found.mean["ua"] == 0.75
    assert found.std["ua"] == pytest.approx(0.5 / 2**0.5)
    assert found.together.turns == 4
    assert found.together.ua.value == 0.75
    rows = [row.split() for row in found.table().splitlines()]
    assert ["mean", "-", "75.0", "75.0"] in [row[:4] for row in rows]
    assert ["std", "-", "35.4", "35.4"] in [row[:4] for row in rows]
    document = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert document["folds"]["mean"]["ua"] == 0.75
    assert list(document["folds"]["evaluations"]) == ["fold_1", "fold_2"]


def test_one_fold_has_no_deviation():
    found = evaluate_folds(
        [Prediction(id="a", truth="sad", label="sad", duration=1.0)], {"fold_1": ["a"]}, resamples=0
    )

    assert found.std["ua"] is None


def test_an_empty_fold_is_named():
    with pytest.raises(LabelError, match=r"fold_2: .*no turns"):
        evaluate_folds(
            [Prediction(id="a", truth="sad", label="sad", duration=1.0)],
            {"fold_1": ["a"], "fold_2": ["b"]},
            resamples=0,
        )


def test_the_real_corpus_is_read(shared):
    folds = read_emobox(shared / "emobox_emodb", speaker_pattern=r"emodb-(\d\d)")
    clips = clips_of(folds)
    missing = {clip.key for clip in missing_audio(clips, shared / "emodb")}
    there = [clip for clip in clips if clip.key not in missing][:4]
    cuts = as_cuts(there, shared / "emodb")

    found = predict(cuts, truth=Truth(label_map=EMODB), score=Engine(FakeBackend()))

    assert (len(folds), len(clips), len(clips) - len(missing)) == (5, 535, 266)
    assert len({clip.speaker for clip in clips}) == 10
    assert all(each.label for each in found)
