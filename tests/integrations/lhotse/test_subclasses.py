"""Objects that Lhotse accepts and that are not plainly its own: subclasses, paths, NumPy numbers."""

from __future__ import annotations

import copy
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import pytest
from lhotse import MonoCut, MultiCut, Recording, SupervisionSegment, SupervisionSet
from lhotse.audio import AudioSource
from lhotse.augmentation import (
    Clipping,
    Narrowband,
    Resample,
    ReverbWithImpulseResponse,
    Speed,
)
from lhotse.cut import MixedCut, PaddingCut
from support.facts import assert_facts

from emo2vec_plugins import Engine, Options, annotate_cuts
from emo2vec_plugins.integrations.lhotse import turn_frames
from emo2vec_plugins.integrations.lhotse.checks import problem_of
from emo2vec_plugins.testing import FakeBackend

RATES = ("source_sampling_rate", "target_sampling_rate")
ENGINE = Engine(FakeBackend(), granularity="frame")


@dataclass
class MyMonoCut(MonoCut):
    pass


@dataclass
class MyMultiCut(MultiCut):
    pass


@dataclass
class MyMixedCut(MixedCut):
    pass


@dataclass
class MyPaddingCut(PaddingCut):
    pass


@dataclass
class MyRecording(Recording):
    pass


@dataclass
class MySource(AudioSource):
    def load_audio(self, *given, **named):
        return 0.5 * super().load_audio(*given, **named)


@dataclass
class MySpeed(Speed):
    def __call__(self, samples, sampling_rate):
        return -samples


def as_mine(kind, given):
    return kind(**{each.name: getattr(given, each.name) for each in fields(given)})


def supervisions(*channels):
    return [
        SupervisionSegment(f"s{i}", "rec", 0.5 * i, 1.0, channel=channel)
        for i, channel in enumerate(channels)
    ]


@pytest.fixture
def cut(noise, write):
    recording = Recording.from_file(write("rec.wav", noise(48_000), 16_000))
    return replace(recording.to_cut(), supervisions=supervisions(0, 0))


@pytest.fixture
def stereo(noise, write):
    recording = Recording.from_file(write("two.wav", noise(48_000, channels=2), 16_000))
    return replace(recording.to_cut(), supervisions=supervisions(1, [0, 1]))


def annotated(cut, **options):
    return next(iter(annotate_cuts([cut], score=ENGINE, options=Options(**options))))


def scores_of(cut):
    """Return the scores of the turns of a cut. Every turn must have some."""
    return [turn.custom["emotion_scores"] for turn in annotated(cut).supervisions]


@pytest.mark.parametrize("change", [lambda each: each, lambda each: each.perturb_speed(1.1)])
def test_subclasses_of_cuts_and_recordings_have_the_same_labels(cut, stereo, change):
    cut, stereo = change(cut), change(stereo)
    mono, multi = as_mine(MyMonoCut, cut), as_mine(MyMultiCut, stereo)
    mixed, padded = cut.mix(cut, offset_other_by=0.5, snr=5), cut.pad(4.0)
    padding = replace(padded.tracks[1], cut=as_mine(MyPaddingCut, padded.tracks[1].cut))

    assert scores_of(mono) == scores_of(cut)
    assert scores_of(multi) == scores_of(stereo)
    assert scores_of(as_mine(MyMixedCut, mixed)) == scores_of(mixed)
    assert scores_of(mono.mix(mono, offset_other_by=0.5, snr=5)) == scores_of(mixed)
    assert scores_of(replace(padded, tracks=[padded.tracks[0], padding])) == scores_of(padded)
    assert scores_of(replace(cut, recording=as_mine(MyRecording, cut.recording))) == scores_of(cut)
    assert type(annotated(mono)) is MyMonoCut


def test_a_subclass_of_padding_has_no_recording(cut):
    padding = as_mine(MyPaddingCut, cut.pad(4.0).tracks[1].cut)

    assert_facts(annotated(padding).custom["emotion_reason"], "MyPaddingCut", "no recording")


def test_frames_of_a_subclass_of_a_mixed_cut_are_found(cut):
    mixed = annotated(as_mine(MyMixedCut, cut.append(cut)), frames=True)

    assert [len(turn_frames(mixed, each)) for each in mixed.supervisions] == [49] * 4


def test_subclasses_of_sources_and_transforms_are_the_code_of_the_user(cut):
    recording = cut.perturb_volume(2.0).recording
    halved = replace(recording, sources=[as_mine(MySource, each) for each in recording.sources])
    turned = replace(recording, transforms=[MySpeed(1.0)])

    assert scores_of(replace(cut, recording=halved)) == scores_of(cut.perturb_volume(1.0))
    assert scores_of(replace(cut, recording=turned)) == scores_of(cut.perturb_volume(-1.0))


@pytest.mark.parametrize("change", [lambda each: each, lambda each: each.perturb_volume(2.0)])
@pytest.mark.parametrize("is_mixed", [False, True])
def test_the_source_of_a_recording_may_be_a_path(cut, change, is_mixed):
    cut = change(cut)
    sources = [replace(each, source=Path(each.source)) for each in cut.recording.sources]
    other = replace(cut, recording=replace(cut.recording, sources=sources))
    if is_mixed:
        cut, other = cut.append(cut), other.append(cut)

    assert scores_of(other) == scores_of(cut)


def test_a_missing_path_is_named(cut):
    sources = [AudioSource("file", [0], Path("missing.wav"))]
    other = replace(cut, recording=replace(cut.recording, sources=sources))

    (first, _) = annotated(other).supervisions
    assert_facts(first.custom["emotion_reason"], "missing.wav", "no such audio file")


@pytest.mark.parametrize("snr", [float("inf"), np.float32("inf"), 300])
def test_a_track_may_be_silent(cut, snr):
    mixed = cut.mix(cut, offset_other_by=0.5, snr=snr)
    silent = cut.mix(cut.perturb_volume(0.0), offset_other_by=0.5)

    assert problem_of(mixed) is None
    assert scores_of(mixed) == scores_of(silent)


def test_channels_and_ids_may_be_numbers_of_numpy(cut, stereo):
    turns = [replace(turn, id=np.int64(i)) for i, turn in enumerate(cut.supervisions)]
    mono = replace(cut, id=np.int64(7), channel=np.int32(0), supervisions=turns)
    channels = [np.int64(1), [np.int64(0), np.int64(1)]]
    multi = replace(
        stereo, channel=[np.int64(0), np.int64(1)], supervisions=supervisions(*channels)
    )

    assert scores_of(mono) == scores_of(cut)
    assert scores_of(multi) == scores_of(stereo)
    assert scores_of(multi.append(multi)) == scores_of(stereo.append(stereo))


def test_a_cut_may_have_a_field_of_its_own_called_tracks(cut):
    mixed = cut.with_custom("tracks", 5).append(cut)
    response = cut.with_custom("sources", ["a"]).truncate(duration=0.1)

    assert problem_of(mixed) is None
    assert problem_of(cut.reverb_rir(response)) is None


def test_supervisions_may_be_a_set(cut):
    turns = SupervisionSet.from_segments(cut.supervisions)

    assert scores_of(replace(cut, supervisions=turns)) == scores_of(cut)


@pytest.mark.parametrize(
    ("plain", "other"),
    [
        (Clipping(hard=True), Clipping(hard=1, normalize=np.bool_(True))),
        (Narrowband("mulaw", 16_000, True), Narrowband("mulaw", np.int64(16_000), np.bool_(True))),
        (
            Resample(16_000, 16_000),
            {"name": "Resample", "kwargs": dict.fromkeys(RATES, 16_000.0)},
        ),
    ],
    ids=["clipping", "narrowband", "resample"],
)
def test_arguments_of_transforms_may_be_of_another_type(cut, plain, other):
    first, second = (
        replace(cut, recording=replace(cut.recording, transforms=[each])) for each in (plain, other)
    )

    assert scores_of(second) == scores_of(first)


def test_channels_of_a_response_may_be_a_range(cut, stereo):
    response = stereo.recording.to_cut().truncate(duration=0.1)

    assert scores_of(cut.reverb_rir(response, rir_channels=range(1, 2))) == scores_of(
        cut.reverb_rir(response, rir_channels=[1])
    )


def test_described_transforms_are_not_changed(cut):
    response = cut.drop_supervisions().truncate(duration=0.1).pad(0.2)
    transforms = [ReverbWithImpulseResponse(rir=response).to_dict()]
    before = copy.deepcopy(transforms)

    annotated(replace(cut, recording=replace(cut.recording, transforms=transforms)))

    assert transforms == before
