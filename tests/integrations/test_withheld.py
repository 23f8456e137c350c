"""Withheld labels in every host: no label, no failure, and not scored again."""

from __future__ import annotations

import json

import pytest
from datasets import Dataset
from lhotse import CutSet, Recording, SupervisionSegment
from support.kaldi import make_folder

from emo2vec_plugins import Engine, Options, Plugins, annotate_cuts
from emo2vec_plugins.core.reasons import is_withheld
from emo2vec_plugins.errors import OptionsError, ResumeError
from emo2vec_plugins.formats import read_any
from emo2vec_plugins.integrations import Input, write_scores
from emo2vec_plugins.integrations.fields import NO_LABELS, is_by_model
from emo2vec_plugins.integrations.funasr import AutoModel, annotate_sentences
from emo2vec_plugins.integrations.huggingface import annotate_dataset
from emo2vec_plugins.integrations.kaldi import annotate_kaldi
from emo2vec_plugins.integrations.lhotse import annotate_manifest
from emo2vec_plugins.integrations.nemo import annotate_nemo
from emo2vec_plugins.integrations.whisper import annotate_segments
from emo2vec_plugins.testing import FakeBackend, FakeDoubt, tone

SAMPLES = (tone(2.0), 16_000)
OVERWRITE = Options(overwrite=True)


class Model(FakeBackend):
    """A model that counts the clips."""

    @property
    def clips(self):
        return sum(map(len, self.batches))


@pytest.fixture
def model():
    return Model(doubt=FakeDoubt(threshold=0.0))


@pytest.fixture
def engine(model):
    """An engine that withholds every label."""
    return Engine(model, abstain=True)


@pytest.fixture
def sound(write):
    return write("talk.wav", *SAMPLES)


def assert_withheld(record):
    assert record["emotion"] is None
    assert record["emotion_score"] is None
    assert is_withheld(record["emotion_reason"])
    assert 0 < record["emotion_doubt"] <= 1
    assert sum(record["emotion_scores"].values()) == pytest.approx(1)


def cut_of(sound):
    cut = Recording.from_file(sound).to_cut()
    cut.supervisions = [
        SupervisionSegment(id="a", recording_id=cut.recording_id, start=0.0, duration=1.0)
    ]
    return cut


def in_cuts(engine, sound, record, options):
    cut = cut_of(sound)
    cut.supervisions[0].custom = record
    [result] = annotate_cuts([cut], score=engine, options=options)
    return result.supervisions[0].custom


def in_transcript(engine, sound, record, options):
    segments = [{"start": 0.0, "end": 1.0, "text": "yes"} | (record or {})]
    return annotate_segments({"segments": segments}, str(sound), score=engine, options=options)[
        "segments"
    ][0]


def in_sentences(engine, sound, record, options):
    sentence = {"start": 0, "end": 1000, "text": "yes"} | (record or {})
    result = {"key": "talk", "text": "yes", "sentence_info": [sentence]}
    return annotate_sentences(result, str(sound), score=engine, options=options)["sentence_info"][0]


def in_nemo(engine, sound, record, options):
    path = sound.with_name("manifest.json")
    path.write_text(json.dumps({"audio_filepath": str(sound), "duration": 1.0} | (record or {})))
    annotate_nemo(path, sound.with_name("out.json"), score=engine, options=options)
    return json.loads(sound.with_name("out.json").read_text())


@pytest.mark.parametrize("host", [in_cuts, in_transcript, in_sentences, in_nemo])
def test_a_record_keeps_a_withheld_label_until_it_is_overwritten(host, engine, model, sound):
    first = host(engine, sound, None, Options())
    ours = {name: value for name, value in first.items() if name.startswith("emotion")}
    again = host(engine, sound, ours, Options())

    assert_withheld(first)
    assert {name: again[name] for name in ours} == ours
    assert model.clips == 1

    bold = host(Engine(model), sound, ours, OVERWRITE)

    assert bold["emotion"] in model.labels.names
    assert bold["emotion_reason"] is None
    assert bold["emotion_doubt"] == first["emotion_doubt"]


@pytest.mark.parametrize("reason", ["too short: 160 samples", None, 3, ["withheld: a"]])
def test_other_turns_without_a_label_are_scored_again(engine, model, sound, reason):
    in_cuts(engine, sound, {"emotion": None, "emotion_reason": reason}, Options())

    assert model.clips == 1


def test_the_doubt_has_a_field_even_if_the_model_has_no_measure(sound):
    custom = in_cuts(Engine(FakeBackend()), sound, None, Options())

    assert custom["emotion_doubt"] is None


def test_a_manifest_counts_withheld_labels_apart(engine, model, sound, tmp_path):
    paths = [tmp_path / f"{name}.jsonl" for name in ("in", "out", "again")]
    CutSet.from_cuts([cut_of(sound)]).to_file(paths[0])

    first = annotate_manifest(paths[0], paths[1], score=engine)
    second = annotate_manifest(paths[1], paths[2], score=engine)

    assert (first.turns, first.withheld, first.failed, first.failures) == (1, 1, 0, ())
    assert (second.turns, second.withheld, second.skipped) == (1, 0, 1)
    assert model.clips == 1


def test_a_nemo_manifest_counts_withheld_labels_apart(engine, sound, tmp_path):
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"audio_filepath": "talk.wav", "duration": 1.0}) + "\n")

    found = annotate_nemo(path, tmp_path / "out.json", score=engine)

    assert (found.turns, found.withheld, found.failed, found.failures) == (1, 1, 0, ())


def test_kaldi_lists_withheld_utterances_apart_from_labels(engine, write, noise, tmp_path):
    found = annotate_kaldi(make_folder(tmp_path, write, noise), score=engine)

    assert (found.scored, found.withheld, found.failed, found.failures) == (0, 3, 0, {})
    assert found.labels.read_text() == ""
    lines = found.unscored.read_text().splitlines()
    assert [line.split()[1] for line in lines] == ["withheld:"] * 3
    for dialogue in read_any(found.emotions_jsonl, plugins=Plugins(installed=False)):
        assert all(each.emotion.withheld and each.emotion.scores for each in dialogue.turns)


def test_a_dataset_gets_the_doubt_as_a_column(engine, sound):
    data = Dataset.from_dict({"audio": [{"bytes": sound.read_bytes(), "path": "a.wav"}]})

    [row] = annotate_dataset(data, score=engine).remove_columns("audio")

    assert_withheld(row)


def test_funasr_returns_neither_labels_nor_scores(model):
    withheld, told = [
        AutoModel(model, abstain=threshold).generate(SAMPLES[0])[0] for threshold in (True, 1)
    ]

    assert (withheld["labels"], withheld["scores"]) == ([], [])
    assert is_withheld(withheld["reason"])
    assert withheld["doubt"] == told["doubt"] > 0
    assert len(told["labels"]) == len(told["scores"]) > 0
    assert (withheld["feats"] == told["feats"]).all()


def test_funasr_refuses_a_threshold_beside_an_engine(engine):
    with pytest.raises(OptionsError, match="Engine"):
        AutoModel(engine, abstain=0.5)


def test_pyannote_labels_are_placeholders(engine, sound):
    pytest.importorskip("pyannote.core")
    from emo2vec_plugins.integrations.pyannote import annotate_diarization

    rttm = "SPEAKER talk 1 0.000 1.000 <NA> <NA> ann <NA> <NA>\n"
    found = annotate_diarization(rttm, str(sound), score=engine)

    assert found.emotion_diarization.labels() == ["withheld"]
    assert found.speaker_emotion_diarization.labels() == ["ann+withheld"]
    assert "withheld" in NO_LABELS


def test_an_interrupted_run_does_not_score_withheld_files_again(model, write, noise, tmp_path):
    paths = [write(f"{n}.wav", noise(8000, seed=n), 16000) for n in range(24)]
    files = [Input(key=path.stem, source=str(path)) for path in paths]
    engine = Engine(model, abstain=True, batch_seconds=0.2, workers=0)
    seen = []

    def stop(_, reason):
        seen.append(reason)
        if len(seen) == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_scores(tmp_path / "out.jsonl", files, score=engine, done=stop)
    with pytest.raises(ResumeError):  # labels with another threshold belong to another run
        write_scores(tmp_path / "out.jsonl", files, score=Engine(model, abstain=0.9))
    before = model.clips
    write_scores(tmp_path / "out.jsonl", files, score=engine)

    assert all(map(is_withheld, seen))
    assert model.clips - before < len(files)
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [line["emotion"] for line in lines] == [None] * 24
    assert all(line["doubt"] > 0 and line["scores"] for line in lines)


def test_a_label_in_place_of_a_withheld_one_is_a_persons():
    record = {"emotion": "sad", "emotion_model": "m", "emotion_scores": {"sad": 0.9, "angry": 0.1}}

    assert is_by_model(record, "emotion")
    assert not is_by_model(
        record | {"emotion_reason": "withheld: doubt 0.8 is above 0.5"}, "emotion"
    )
