"""Training examples have the audio that the engine scores; splits share no speaker."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.training import RATE, SPEAKERS, corpus, cut, tone

from emo2vec_plugins import Engine, Options
from emo2vec_plugins.errors import (
    AudioError,
    Emo2vecWarning,
    LabelError,
    OptionsError,
    TrainingError,
)
from emo2vec_plugins.formats import LabelMap
from emo2vec_plugins.integrations.lhotse.session import CutSession
from emo2vec_plugins.testing import FakeBackend
from emo2vec_plugins.training.card import CardContent, data_of
from emo2vec_plugins.training.data_check.turns import checked_turn
from emo2vec_plugins.training.data_table import data_table
from emo2vec_plugins.training.examples import digest, labels_of, numbered, read_examples
from emo2vec_plugins.training.split import Split, folds_of, make_split


@pytest.fixture(scope="module")
def cuts(tmp_path_factory):
    return corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def examples(cuts):
    return read_examples(cuts)


def long_cut(folder, *, shift=0.0):
    """Return a cut of three turns; the bounds of the second lie between samples."""
    whole = cut(folder, "long", tone(300, seconds=2.0), speaker="ann", emotion="sad")
    first = whole.supervisions[0]
    turns = [(0.1, 0.4), (0.50003, 0.7), (1.3, 0.69999)]
    return replace(
        whole,
        start=shift,
        duration=whole.duration - shift,
        supervisions=[
            replace(first, id=f"t{i}", start=start - shift, duration=length)
            for i, (start, length) in enumerate(turns)
        ],
    )


def with_source(cut, source):
    (turn,) = cut.supervisions
    return replace(cut, supervisions=[turn.with_custom("emotion_source", source)])


def pseudo(examples, *speakers):
    """Mark turns of *speakers* as pseudo-labelled, except the first of each class."""
    return [
        replace(e, is_pseudo=e.speaker in speakers and not e.id.endswith("-0")) for e in examples
    ]


class Recorder(FakeBackend):
    """Keeps the waveforms it receives."""

    def __init__(self):
        super().__init__()
        self.waveforms = []

    def run(self, waveforms):
        self.waveforms += [waveform.copy() for waveform in waveforms]
        return super().run(waveforms)


@pytest.mark.parametrize("shift", [0.0, 0.02001])
def test_a_turn_has_the_samples_that_the_engine_scores_in_its_cut(tmp_path, shift):
    whole = long_cut(tmp_path, shift=shift)
    backend = Recorder()
    backend.normalize = False
    list(Engine(backend)(CutSession(whole, Options(overwrite=True)).clips()))

    found = [example.read() for example in read_examples([whole])]

    assert [len(samples) for samples in found] == [6400, 11200, 11200]
    assert all(np.array_equal(a, b) for a, b in zip(found, backend.waveforms, strict=True))


def test_a_turn_of_a_mixture_is_read_from_the_mixture(tmp_path):
    one = cut(tmp_path, "one", tone(300, seconds=0.5), speaker="ann", emotion="sad")
    two = cut(tmp_path, "two", tone(700, seconds=0.5), speaker="bob", emotion="happy")
    mixture = one.append(two)

    first, second = read_examples([mixture])

    assert (first.label, second.label) == ("sad", "happy")
    assert np.abs(first.read() - tone(300, seconds=0.5)).max() < 1e-3
    assert np.abs(second.read() - tone(700, seconds=0.5)).max() < 1e-3


def test_examples_have_a_label_a_speaker_and_a_recording(examples):
    first = examples[0]

    assert (first.id, first.label, first.speaker, first.recording) == (
        "ann-happy-0",
        "happy",
        "ann",
        "ann-happy-0",
    )
    assert first.duration == 0.2
    assert len(first.read()) == 0.2 * RATE


def test_repeated_ids_get_a_number(tmp_path):
    one = cut(tmp_path, "one", tone(300, seconds=0.5), speaker="ann", emotion="sad")

    assert [example.id for example in read_examples([one.append(one)])] == ["one", "one#2"]


def test_turns_shorter_than_a_frame_are_left_out_with_a_warning(tmp_path):
    whole = long_cut(tmp_path)
    short = replace(whole.supervisions[1], duration=0.02)
    whole = replace(whole, supervisions=[whole.supervisions[0], short])

    with pytest.warns(Emo2vecWarning, match=r"1 turn .*25 ms: t1"):
        assert len(read_examples([whole])) == 1


def test_an_error_names_missing_audio_and_its_turn(tmp_path):
    whole = cut(tmp_path, "one", tone(300), speaker="ann", emotion="sad")
    (tmp_path / "one.wav").unlink()
    (example,) = read_examples([whole])

    with pytest.raises(AudioError, match=r"turn 'one': .*one\.wav\b"):
        example.read()


def test_labels_go_through_the_map(cuts):
    joy = LabelMap({"happy": "surprised", "sad": None})

    assert {example.label for example in read_examples(cuts, label_map=joy)} == {"surprised"}


def test_missing_and_unknown_labels_are_errors(tmp_path, cuts):
    bare = cut(tmp_path, "bare", tone(200), speaker="ann", emotion=None)
    odd = cut(tmp_path, "odd", tone(200), speaker="ann", emotion="jolly")

    with pytest.raises(LabelError, match="1 of 17 supervisions"):
        read_examples([*cuts, bare])
    with pytest.raises(LabelError, match="'jolly'"):
        read_examples([*cuts, odd])
    assert len(read_examples([*cuts, bare], skip_unlabelled=True)) == 16


def test_a_class_with_one_turn_is_an_error(examples):
    alone = replace(examples[0], label="angry")

    with pytest.raises(TrainingError, match=r"two turns .*angry"):
        labels_of([*examples, alone])
    with pytest.raises(TrainingError, match=r"two classes.*happy"):
        labels_of([example for example in examples if example.label == "happy"])


def test_the_digest_depends_on_labels_and_order(examples):
    relabelled = [replace(examples[0], label="sad"), *examples[1:]]

    assert digest(examples) == digest(list(examples))
    assert len({digest(examples), digest(relabelled), digest(examples[::-1])}) == 3


def test_the_digest_depends_on_the_position_of_turns_in_the_audio(tmp_path):
    whole = long_cut(tmp_path)
    first, *others = whole.supervisions
    recording = whole.recording
    source = replace(recording.sources[0], source="elsewhere.wav")
    changed = [
        whole,
        replace(whole, supervisions=[replace(first, start=0.2), *others]),
        replace(whole, supervisions=[replace(first, channel=1), *others]),
        replace(whole, recording=replace(recording, sampling_rate=8000)),
        replace(whole, recording=replace(recording, sources=[source])),
        whole.append(whole),
    ]

    assert len({digest(read_examples([cut])[:3]) for cut in changed}) == 6


def test_labels_from_a_model_are_marked_as_pseudo_labels(cuts):
    given = [with_source(cuts[0], "pseudo"), with_source(cuts[1], None), cuts[2], *cuts[4:6]]

    assert [e.is_pseudo for e in read_examples(given)] == [True, False, False, False, False]


@given(share=st.floats(0.05, 0.5), seed=st.integers(0, 100))
def test_a_share_holds_out_whole_speakers(examples, share, seed):
    split = make_split(examples, share=share, seed=seed)

    speakers = [{e.speaker for e in side} for side in (split.train, split.dev)]
    assert not speakers[0] & speakers[1]
    assert speakers[0] | speakers[1] == set(SPEAKERS)
    assert len(split.train) + len(split.dev) == 16


def test_a_quarter_of_four_speakers_is_one_and_always_the_same(examples):
    first, second = (make_split(examples, share=0.25, seed=3) for _ in range(2))

    assert len({example.speaker for example in first.dev}) == 1
    assert first == second


def test_speakers_are_held_out_by_name(examples):
    split = make_split(examples, names=["bob", "dee"])

    assert {example.speaker for example in split.dev} == {"bob", "dee"}
    assert {example.speaker for example in split.train} == {"ann", "cem"}


def test_an_error_names_a_speaker_in_both_sets(examples):
    with pytest.raises(TrainingError, match=r"^speaker .*training and development: bob$"):
        make_split(
            [e for e in examples if e.speaker in ("ann", "bob")],
            dev=[e for e in examples if e.speaker in ("bob", "cem")],
        )


def test_turns_without_speakers_can_be_split_by_recording(examples):
    anonymous = [replace(example, speaker=None) for example in examples]

    with pytest.raises(TrainingError, match="16 of 16 turns have no speaker: ann-happy-0"):
        make_split(anonymous, share=0.25)
    split = make_split(anonymous, share=0.25, group="recording")
    assert {e.recording for e in split.train}.isdisjoint(e.recording for e in split.dev)


def test_a_speaker_in_both_sets_is_an_error_in_a_split_by_recording(examples):
    with pytest.raises(
        TrainingError, match=r"^speaker .*training and development: ann; .*different names"
    ):
        make_split(examples, names=["ann-happy-0"], group="recording")


def test_pseudo_labels_are_only_in_training(examples):
    given = pseudo(examples, "ann", "bob")

    with pytest.warns(Emo2vecWarning, match="2 turns? for training only"):
        split = make_split(given, names=["ann"])

    assert [e.id for e in split.dev] == ["ann-happy-0", "ann-sad-0"]
    assert {e.speaker for e in split.train} == {"bob", "cem", "dee"}
    assert sum(e.is_pseudo for e in split.train) == 2


def test_a_share_is_drawn_from_speakers_with_labels_by_people(examples):
    given = [replace(e, is_pseudo=e.speaker in ("ann", "bob", "cem")) for e in examples]
    given += [replace(e, id=f"{e.id}x", speaker="eve") for e in examples[:4]]

    for seed in range(5):
        split = make_split(given, share=0.5, seed=seed)
        assert {e.speaker for e in split.dev} <= {"dee", "eve"}
        assert {"ann", "bob", "cem"} < {e.speaker for e in split.train}


def test_pseudo_labels_of_a_development_speaker_in_other_cuts_are_left_out(examples):
    ann = [e for e in pseudo(examples, "ann") if e.speaker == "ann"]
    train = [replace(e, is_pseudo=e.speaker == "ann") for e in examples]

    with pytest.warns(Emo2vecWarning, match="6 turns? for training only"):
        split = make_split(train, dev=ann)

    assert (len(split.train), len(split.dev)) == (12, 2)
    assert "ann" not in {e.speaker for e in split.train}


def test_pseudo_labels_of_a_held_out_recording_or_speaker_are_left_out(examples):
    given = [replace(e, speaker=None, recording=e.speaker) for e in pseudo(examples, "ann")]
    known = [replace(e, recording=e.id) for e in examples if e.speaker != "ann"]
    known += [replace(e, recording=e.id) for e in pseudo(examples, "ann")[:2]]

    with pytest.warns(Emo2vecWarning, match="2 turns? for training only"):
        split = make_split(given, names=["ann"], group="recording")
    assert (len(split.train), len(split.dev)) == (12, 2)
    with pytest.warns(Emo2vecWarning, match="1 turns? for training only"):
        split = make_split(known, names=["ann-happy-0"], group="recording")
    assert (len(split.train), len(split.dev)) == (12, 1)


def test_extra_turns_are_only_in_training(examples):
    """Those of a held-out speaker are in neither set, and their speakers are never held out."""
    own = [e for e in examples if e.speaker != "dee"]
    extra = [
        replace(e, is_extra=True, id=f"extra-{e.id}")
        for e in examples
        if e.speaker in ("ann", "dee")
    ]

    with pytest.warns(Emo2vecWarning, match="4 turns? for training only"):
        split = make_split([*own, *extra], names=["ann"])
    folds = folds_of([*own, *extra], "speaker")

    assert {e.speaker for e in split.dev} == {"ann"}
    assert not any(e.is_extra for e in split.dev)
    assert sum(e.is_extra for e in split.train) == 4
    assert list(folds) == ["ann", "bob", "cem"]
    assert [sum(e.is_extra for e in fold.train) for fold in folds.values()] == [4, 8, 8]
    assert {e.speaker for e in make_split([*own, *extra], share=0.3).dev} <= {"ann", "bob", "cem"}
    with pytest.raises(TrainingError, match=r"no speaker dee .*training only"):
        make_split([*own, *extra], names=["dee"])


def test_the_digest_knows_extra_turns(examples):
    extra = [replace(e, is_extra=True) for e in examples]

    assert digest(examples) != digest(extra)


def test_speakers_with_only_pseudo_labels_cannot_be_held_out(examples):
    given = [replace(e, is_pseudo=True) for e in examples]

    assert len(make_split(given).train) == 16
    with pytest.raises(TrainingError, match="model labelled all 16 turns"):
        make_split(given, share=0.25)
    with pytest.raises(TrainingError, match=r"no speaker ann .*people.* bob"):
        make_split([replace(e, is_pseudo=e.speaker == "ann") for e in examples], names=["ann"])
    with pytest.raises(TrainingError, match=r"development turns .*a model gave"):
        Split(train=tuple(examples[:4]), dev=tuple(given[4:]))


def test_the_card_counts_pseudo_labels(examples):
    split = make_split(pseudo(examples, "bob"), names=["ann"])

    assert "- 2 of the training turns have labels that a model gave" in data_of(
        split, CardContent()
    )
    assert "a model gave" not in data_of(make_split(examples, names=["ann"]), CardContent())


def test_without_development_turns_no_speaker_is_needed(examples):
    anonymous = [replace(example, speaker=None) for example in examples]

    assert make_split(anonymous).dev == ()


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (TrainingError, {"names": ["eve"]}, "no speaker eve.* ann, bob, cem, dee"),
        (TrainingError, {"names": SPEAKERS}, "no training turns"),
        (OptionsError, {"share": 0.9}, "at most 0.5, got 0.9"),
        (OptionsError, {"share": 0.2, "names": ["ann"]}, "--dev-speakers.*--dev-share"),
    ],
)
def test_invalid_splits_are_errors(examples, kind, options, message):
    with pytest.raises(kind, match=message):
        make_split(examples, **options)


def test_one_speaker_cannot_be_split(examples):
    with pytest.raises(TrainingError, match="one speaker"):
        make_split([e for e in examples if e.speaker == "ann"], share=0.25)


def test_a_class_that_only_development_has_is_an_error(examples):
    others = [replace(example, label="angry", speaker="eve") for example in examples]

    with pytest.raises(TrainingError, match=r"no training turn .*angry"):
        Split(train=tuple(examples), dev=tuple(others))


def test_ids_are_unique_among_the_turns_of_several_manifests(examples):
    twice = [replace(examples[0], id=name) for name in ("a", "a#2", "b")]

    found = [each.id for each in numbered([*twice, *twice])]

    assert len(set(found)) == 6
    assert found[:4] == ["a", "a#2", "b", "a#3"]


@pytest.mark.parametrize("tag", ["en-US", "en_gb", "EN"])
def test_a_language_is_without_its_region_wherever_turns_are_grouped(cuts, tag):
    (turn,) = cuts[0].supervisions
    (example,) = read_examples([replace(cuts[0], supervisions=[replace(turn, language=tag)])])

    assert example.value("language") == "en"
    assert checked_turn(example).language == "en"
    assert "| en |" in data_table([example])
