"""Emotions on the sentences of FunASR transcripts."""

from __future__ import annotations

import copy
import json
import logging
import warnings
from itertools import pairwise

import numpy as np
import pytest
import torch

from emo2vec_plugins import Options, Turn, annotate
from emo2vec_plugins.core.plugins import Plugins
from emo2vec_plugins.errors import AudioError, Emo2vecWarning, OptionsError, SourceError
from emo2vec_plugins.integrations.funasr.sentences import FunasrTranscript, annotate_sentences
from emo2vec_plugins.testing import check_session, tone

RATE = 16_000
LOW, HIGH = 200.0, 2_000.0
LENGTH = 6
"""Seconds of each stretch of speech; FunASR does not separate speakers in less than 15 s."""


class Part(torch.nn.Module):
    """Replaces one of FunASR's models with a function of its input."""

    def __init__(self, answer, **attributes):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.answer = answer
        for name, value in attributes.items():
            setattr(self, name, value)

    def inference(self, data_in, key=None, **kwargs):
        return [{"key": key[i], **self.answer(each)} for i, each in enumerate(data_in)], {}


def speech_regions(_):
    return {"value": [[i * LENGTH * 1000, (i + 1) * LENGTH * 1000] for i in range(4)]}


def words(speech):
    ends = np.linspace(0, len(speech) * 1000 // RATE, 5).astype(int).tolist()
    return {"text": "well we are here", "timestamp": [list(pair) for pair in pairwise(ends)]}


def punctuation(text):
    tokens = text.split()
    marks = [3 if i % 4 == 3 else 2 if i % 4 == 1 else 1 for i in range(len(tokens))]
    return {"text": text, "punc_array": torch.tensor(marks)}


def voice(speech):
    crossings = np.diff(np.signbit(np.asarray(speech))).mean()
    who = [1.0, 0.0, 0.1] if crossings < 2 * (LOW + HIGH) / 2 / RATE else [0.0, 1.0, 0.1]
    return {"spk_embedding": torch.tensor([who])}


def transcriber():
    """Build FunASR's AutoModel as its constructor does, from parts without weights."""
    from funasr import AutoModel
    from funasr.models.campplus.cluster_backend import ClusterBackend

    model = AutoModel.__new__(AutoModel)
    model.kwargs = {"device": "cpu", "frontend": None, "disable_pbar": True, "ncpu": 2}
    model.vad_kwargs, model.punc_kwargs, model.spk_kwargs = {}, {}, {}
    model.model = Part(words)
    model.vad_model = Part(speech_regions)
    model.punc_model = Part(punctuation, punc_list=list("_,.?"))
    model.spk_model = Part(voice)
    model.cb_model = ClusterBackend()
    model.spk_mode = "punc_segment"
    model._store_base_configs()
    return model


@pytest.fixture(scope="module")
def sound():
    """Two alternating voices."""
    time = np.arange(LENGTH * RATE) / RATE
    voices = [0.3 * np.sin(2 * np.pi * pitch * time) for pitch in (LOW, HIGH)]
    return np.concatenate(voices * 2).astype(np.float32)


@pytest.fixture(scope="module")
def transcript(sound):
    """The result of FunASR's code for these regions, words, punctuation and voices."""
    level = logging.root.level
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = transcriber().generate(sound)
    logging.root.setLevel(level)
    return results


def annotated(results, audio, engine, **options):
    return annotate_sentences(
        results,
        audio,
        score=engine,
        options=Options(**options),
        plugins=Plugins(installed=False),
    )


def result(*sentences, key="a"):
    return {"key": key, "text": "words", "timestamp": [], "sentence_info": list(sentences)}


def sentence(start, end, **more):
    return {"text": "hello。", "start": start, "end": end, "timestamp": [[start, end]], **more}


def test_sentences_of_the_toolkit_get_the_emotion_of_their_turn(transcript, sound, engine):
    given = copy.deepcopy(transcript)

    found = annotated(transcript, (sound, RATE), engine)

    assert transcript == given
    assert len(found) == 1
    (before,), (after,) = given, found
    assert {k: v for k, v in after.items() if k != "sentence_info"} == {
        k: v for k, v in before.items() if k != "sentence_info"
    }
    sentences = after["sentence_info"]
    assert [each["spk"] for each in sentences] == [0, 0, 1, 1, 0, 0, 1, 1]
    turns = [Turn(start=3 * i, end=3 * i + 3) for i in range(8)]
    for old, new, emotion in zip(
        before["sentence_info"], sentences, engine.score((sound, RATE), turns), strict=True
    ):
        assert new == old | {
            "emotion": emotion.label,
            "emotion_score": emotion.score,
            "emotion_scores": dict(emotion.scores),
            "emotion_flags": [],
            "emotion_reason": None,
            "emotion_overlap_ratio": 0.0,
            "emotion_doubt": None,
            "emotion_model": "fake@000000000000",
        }
    assert json.loads(json.dumps(found)) == found


def test_a_single_result_is_annotated_as_a_dictionary(transcript, sound, engine):
    found = annotated(transcript[0], (sound, RATE), engine)

    assert found == annotated(transcript, (sound, RATE), engine)[0]


def test_results_are_sources(transcript, sound, engine):
    options = Options(audio=(sound, RATE))

    found = list(annotate(transcript, score=engine, options=options))

    assert found == annotated(transcript, (sound, RATE), engine)


def test_results_of_several_recordings_share_batches(engine):
    results = [result(sentence(0, 1000), key="a"), result(sentence(0, 2000), key="b")]
    sounds = [(tone(1), RATE), (tone(2), RATE)]

    listed = annotated(results, sounds, engine)
    by_key = annotated(results, dict(zip("ab", sounds, strict=True)), engine)
    streamed = list(
        annotate(
            [FunasrTranscript(result=r, audio=s) for r, s in zip(results, sounds, strict=True)],
            score=engine,
        )
    )

    assert listed == by_key == streamed
    assert engine.backend.batches == [[16_000, 32_000]] * 3


def test_overlap_of_speakers_is_flagged(engine):
    given = result(
        sentence(0, 2000, spk=0), sentence(1000, 3000, spk=1), sentence(2500, 3000, spk=1)
    )

    found = annotated(given, (tone(3), RATE), engine)["sentence_info"]

    assert [each["emotion_flags"] for each in found] == [["overlapped"], ["overlapped"], ["short"]]


def test_overlapped_frames_can_be_excluded(engine):
    given = result(sentence(0, 2000, spk=0), sentence(0, 2000, spk=1))

    found = annotated(given, (tone(2), RATE), engine, overlap="exclude")["sentence_info"]

    assert found[0]["emotion"] is None
    assert "overlapped" in found[0]["emotion_reason"]


def test_sentences_without_speakers_do_not_overlap(engine):
    given = result(sentence(0, 2000), sentence(0, 2000))

    found = annotated(given, (tone(2), RATE), engine)["sentence_info"]

    assert [each["emotion_flags"] for each in found] == [[], []]


@pytest.mark.parametrize(
    ("start", "end"),
    [(None, 1000), (0, None), (2000, 1000), ("now", 5), (0, float("nan")), ([], 1)],
)
def test_a_sentence_without_valid_times_gets_a_reason(engine, start, end):
    given = result(sentence(start, end, spk=0), sentence(0, 1000, spk=1))

    broken, whole = annotated(given, (tone(1), RATE), engine)["sentence_info"]

    assert broken["emotion"] is None
    assert f"{start!r} to {end!r}" in broken["emotion_reason"]
    assert whole["emotion"] is not None
    assert whole["emotion_flags"] == []


@pytest.mark.filterwarnings("ignore")  # importing FunASR raises many warnings
def test_sentences_without_times_of_too_much_punctuation_get_a_reason(engine):
    from funasr.utils.timestamp_tools import timestamp_sentence

    sentences = timestamp_sentence([1, 3, 1, 3], [[0, 500], [500, 1000]], "well we are here")

    whole, broken = annotated(result(*sentences), (tone(1), RATE), engine)["sentence_info"]

    assert whole["emotion"] is not None
    assert "None to 1000" in broken["emotion_reason"]


def test_a_sentence_after_the_end_of_the_audio_gets_a_reason(engine):
    found = annotated(result(sentence(5000, 6000)), (tone(1), RATE), engine)["sentence_info"]

    assert "beyond the audio" in found[0]["emotion_reason"]


def test_missing_audio_is_the_reason_at_every_sentence(engine, tmp_path):
    given = result(sentence(0, 1000), sentence(1000, 2000))

    found = annotated(given, tmp_path / "gone.wav", engine)["sentence_info"]

    assert ["gone.wav" in each["emotion_reason"] for each in found] == [True, True]


def test_existing_labels_are_replaced_only_on_request(engine):
    given = result(sentence(0, 1000, emotion="mine"), sentence(0, 1000, emotion=""))

    kept = annotated(given, (tone(1), RATE), engine)["sentence_info"]
    replaced = annotated(given, (tone(1), RATE), engine, overwrite=True)["sentence_info"]

    assert kept[0] == given["sentence_info"][0]
    assert kept[1]["emotion"] == replaced[0]["emotion"] == replaced[1]["emotion"] != "mine"


def test_the_field_is_a_prefix_and_embeddings_are_lists(engine):
    given = result(sentence(0, 1000, emotion="mine"))

    (found,) = annotated(given, (tone(1), RATE), engine, field="mood", embeddings=True)[
        "sentence_info"
    ]

    assert found["emotion"] == "mine"
    assert found["mood"] in found["mood_scores"]
    assert len(found["mood_embedding"]) == 4
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize(
    "silent", [{"key": "a", "text": "", "timestamp": []}, result(), {"sentence_info": None}]
)
def test_a_result_of_silence_is_unchanged(engine, silent):
    assert annotated(silent, (tone(1), RATE), engine) == silent


def test_frames_are_rejected(engine):
    with pytest.raises(OptionsError, match=r"FunASR .*frames"):
        annotated(result(sentence(0, 1000)), (tone(1), RATE), engine, frames=True)


def test_the_error_for_text_without_sentences_has_the_argument_to_use(engine):
    with pytest.raises(SourceError, match="sentence_timestamp=True"):
        annotated({"key": "a", "text": "hi", "timestamp": [[0, 5]]}, (tone(1), RATE), engine)


@pytest.mark.parametrize("given", [5, "a.json", ["a"], [{"segments": []}], {"sentence_info": "x"}])
def test_other_objects_are_rejected(engine, given):
    with pytest.raises(SourceError):
        annotated(given, (tone(1), RATE), engine)


def test_there_must_be_audio_for_each_result(engine):
    results = [result(key="a"), result(key="b")]

    with pytest.raises(OptionsError, match=r"2 results, got 1$"):
        annotated(results, (tone(1), RATE), engine)
    with pytest.raises(OptionsError, match=r"'b'.*\['a'\]"):
        annotated(results, {"a": (tone(1), RATE)}, engine)
    with pytest.raises(OptionsError, match=r"'a'.*Options\(audio="):
        annotated(results[0], None, engine)
    with pytest.raises(AudioError, match="rate"):
        annotated(results[0], tone(1), engine)


def test_one_failed_result_of_several_is_unchanged_with_a_warning(engine):
    results = [result(sentence(0, 1000), key="a"), result(sentence(0, 1000), key="b")]

    with pytest.warns(Emo2vecWarning, match="rate"):
        first, second = annotated(results, [tone(1), (tone(1), RATE)], engine)

    assert first == results[0]
    assert second["sentence_info"][0]["emotion"] is not None


def test_a_pyannote_mapping_is_the_audio_of_one_recording(engine):
    audio = {"waveform": torch.from_numpy(tone(1))[None], "sample_rate": RATE}

    found = annotated(result(sentence(0, 1000)), audio, engine)

    assert found["sentence_info"][0]["emotion"] is not None


def test_the_session_passes_the_checks_for_plugins():
    options = Options(audio=(tone(1), RATE))

    session = Plugins(installed=False).open(result(sentence(0, 1000)), options)

    assert check_session(session)["sentence_info"][0]["emotion"] == "neutral"
