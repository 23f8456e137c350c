"""Transforms in manifests: applied in bounded memory, or refused by name."""

from __future__ import annotations

import json

import numpy as np
import pytest
from lhotse import MonoCut, Recording, SupervisionSegment
from lhotse.augmentation import AudioTransform, ReverbWithImpulseResponse, Volume, torchaudio
from lhotse.cut import MixedCut, MixTrack
from support.facts import assert_facts

from emo2vec_plugins import Engine
from emo2vec_plugins.errors import AudioError, FormatError
from emo2vec_plugins.integrations.lhotse import annotate_cuts, annotate_manifest
from emo2vec_plugins.integrations.lhotse.audio import MixtureAudio, RecordingAudio
from emo2vec_plugins.integrations.lhotse.checks import cut_in, problem_of
from emo2vec_plugins.integrations.lhotse.transform_checks import filter_size
from emo2vec_plugins.testing import FakeBackend


@pytest.fixture
def recording(noise, write):
    return Recording.from_file(write("rec.wav", noise(32_000), 16_000), recording_id="rec")


@pytest.fixture(autouse=True)
def lhotse_makes_no_filter(monkeypatch):
    """Fail if Lhotse makes a resampling filter: it keeps each one for ever."""

    def fail(*rates):
        raise AssertionError(f"Lhotse made a filter for {rates}")

    monkeypatch.setattr(torchaudio, "get_or_create_resampler", fail)


def transform(name, **kwargs):
    return {"name": name, "kwargs": kwargs}


def response(of):
    return transform("ReverbWithImpulseResponse", rir=of, rir_channels=[0])


def generated(**given):
    return transform("ReverbWithImpulseResponse", rir=None, rir_generator=given)


def line_of(recording, *transforms):
    cut = MonoCut("cut", 0.0, recording.duration, 0, recording=recording).to_dict()
    cut["supervisions"] = [SupervisionSegment("turn", "rec", 0.0, 1.0).to_dict()]
    cut["recording"]["transforms"] = list(transforms)
    return json.dumps(cut).encode()


@pytest.mark.parametrize(
    ("change", "rate"),
    [
        (lambda each: each.resample(44_101), 44_101),
        (lambda each: each.resample(8_000), 8_000),
        (lambda each: each.perturb_speed(1.000123), 16_000),
        (lambda each: each.perturb_speed(0.9), 16_000),
    ],
)
def test_any_pair_of_rates_is_resampled_in_bounded_memory(recording, change, rate):
    changed = change(recording)
    audio = RecordingAudio(changed)

    samples = audio.read(0, audio.length, (0,))

    assert (audio.rate, samples.shape) == (rate, (1, changed.num_samples))
    assert np.abs(samples).max() > 0.01


@pytest.mark.parametrize("change", [lambda r: r.resample(8_000), lambda r: r.perturb_speed(1.1)])
def test_resampled_audio_has_the_samples_of_lhotse(recording, change, monkeypatch):
    changed = change(recording)
    found = RecordingAudio(changed).read(0, changed.num_samples, (0,))
    monkeypatch.undo()

    np.testing.assert_allclose(found, changed.load_audio(), atol=1e-6)


def test_transforms_of_tracks_mixtures_and_responses_are_bounded(recording):
    other = recording.resample(44_101).resample(16_000)
    tracks = [MixTrack(each.to_cut()) for each in (recording, other)]
    reverb = ReverbWithImpulseResponse(rir=other.to_dict())
    mixed = MixedCut("mix", tracks, transforms=[Volume(0.5), reverb])

    samples = MixtureAudio(mixed, clips=1).read(0, mixed.num_samples, (0,))

    assert np.isfinite(samples).all()
    assert mixed.transforms == [Volume(0.5), reverb]  # the given cut is not changed


NAN = float("nan")


@pytest.mark.parametrize(
    ("given", "facts"),
    [
        (transform("Speed", factor=1e-9), ("Speed", "factor", "0.1 to 10", "1e-09")),
        (transform("Speed", factor=0), ("Speed", "factor")),
        (transform("Tempo", factor=NAN), ("Tempo", "factor", "nan")),
        (transform("Volume", factor="loud"), ("Volume", "factor", "'loud'")),
        (transform("Volume", factor=None), ("Volume", "factor", "None")),
        (
            transform("Resample", source_sampling_rate=16_000, target_sampling_rate=10**9),
            ("Resample", "target_sampling_rate", "10,000,000 Hz", "1000000000"),
        ),
        (
            transform(
                "Narrowband", codec="mulaw", source_sampling_rate=44_101, restore_orig_sr=True
            ),
            ("Narrowband", "filter", "44101"),
        ),
        (transform("Compress", codec="opus", compression_level=None), ("compression_level",)),
        (transform("Compress", codec="zip", compression_level=0.5), ("codec", "mp3", "zip")),
        (transform("Clipping", gain_db=1e9), ("Clipping", "gain_db", "200")),
        (transform("DereverbWPE", n_fft=2**16, hop_length=1), ("DereverbWPE", "n_fft")),
        (transform("ReverbWithImpulseResponse"), ("rir_generator",)),
        (transform("ReverbWithImpulseResponse", rir_generator=5), ("rir_generator", "5")),
        (generated(sr=10**9, max_T60=1e6), ("rir_generator", "sr", "1000000000")),
        (generated(sr=16_000, max_T60=1e6), ("rir_generator", "max_T60", "1000000.0")),
        (generated(sr=16_000, direct_range="x"), ("rir_generator", "direct_range")),
        (generated(sr=16_000, rooms=2), ("rir_generator", "'rooms'")),
        (transform("Sped", factor=1.1), ("name", "Speed", "'Sped'")),
        (transform("BoundedTransform", whole=1), ("name", "'BoundedTransform'")),
        (transform("Speed", factr=1.1), ("Speed", "'factor'")),
        (transform("Speed", factor=1.1, rate=2), ("Speed", "'rate'")),
        ({"name": "Speed"}, ("kwargs",)),
        ("Speed", ("'Speed'",)),
    ],
)
def test_a_transform_without_bounds_is_one_bad_item(recording, given, facts):
    with pytest.raises(FormatError) as caught:
        cut_in(line_of(recording, transform("Volume", factor=1.0), given), "m: line 7")

    assert_facts(str(caught.value), "m: line 7", "recording, transform 1", *facts)


def test_a_chain_of_transforms_is_limited(recording):
    with pytest.raises(FormatError, match="at most 16 transforms"):
        cut_in(line_of(recording, *[transform("Volume", factor=1.0)] * 17), "m: line 7")


@pytest.mark.parametrize("place", ["track", "mixture", "response", "response as a cut"])
def test_transforms_are_checked_wherever_they_are(recording, place):
    bad = transform("Volume", factor="loud")
    broken = recording.to_dict() | {"transforms": [bad]}
    cut = json.loads(line_of(recording))
    track = {"cut": cut, "type": "MonoCut", "offset": 0.0}
    mix = {"id": "mix", "type": "MixedCut", "tracks": [track]}
    if place == "track":
        record = mix | {"tracks": [track, track | {"cut": cut | {"recording": broken}}]}
    elif place == "mixture":
        record = mix | {"transforms": [bad]}
    else:
        nested = broken if place == "response" else cut | {"recording": broken}
        record = mix | {"transforms": [response(nested)]}

    with pytest.raises(FormatError) as caught:
        cut_in(json.dumps(record).encode(), "m: line 7")

    assert_facts(str(caught.value), "transform 0, Volume, factor", "'loud'")


def test_transforms_of_objects_are_checked(recording):
    cut = recording.to_cut()
    cut.recording.transforms = [Volume("loud")]

    assert_facts(problem_of(cut), "recording, transform 0, Volume, factor", "'loud'")


def test_a_transform_of_the_user_is_applied(recording, monkeypatch):
    monkeypatch.setattr(AudioTransform, "KNOWN_TRANSFORMS", {**AudioTransform.KNOWN_TRANSFORMS})

    class Reversed(AudioTransform):
        def __call__(self, samples, _):
            return samples[:, ::-1]

        def reverse_timestamps(self, offset, duration, sampling_rate):
            return offset, duration

    cut = recording.to_cut()
    plain = RecordingAudio(recording).read(0, 32_000, (0,))
    cut.recording.transforms = [Reversed()]

    assert problem_of(cut) is None
    np.testing.assert_array_equal(
        RecordingAudio(cut.recording).read(0, 32_000, (0,)), plain[:, ::-1]
    )


def test_what_a_transform_makes_is_limited(recording):
    kwargs = {"source_sampling_rate": 1_000, "target_sampling_rate": 10_000_000}
    [cut] = [cut_in(line_of(recording, transform("Resample", **kwargs)), "m")]

    with pytest.raises(AudioError) as caught:
        RecordingAudio(cut.recording).read(0, 32_000, (0,))

    assert_facts(str(caught.value), "'rec'", "Resample", "320,000,000", "134,217,728")


def test_a_long_impulse_response_is_refused(recording):
    long = recording.to_dict() | {"num_samples": 10**9, "duration": 62_500.0}
    cut = cut_in(line_of(recording, response(long)), "m")

    with pytest.raises(AudioError) as caught:
        RecordingAudio(cut.recording).read(0, 32_000, (0,))

    assert_facts(str(caught.value), "'rec'", "ReverbWithImpulseResponse", "1,000,000,000")


def test_cuts_beside_a_bad_transform_are_annotated(recording, tmp_path):
    path = tmp_path / "cuts.jsonl"
    lines = [line_of(recording), line_of(recording, transform("Speed", factor=0))]
    path.write_bytes(b"\n".join([*lines, lines[0], b""]))

    summary = annotate_manifest(path, tmp_path / "out.jsonl", score=Engine(FakeBackend()))

    assert (summary.scored, summary.bad) == (2, 1)
    assert_facts(summary.bad_items[0], "line 2", "Speed", "factor")


def test_a_cut_with_a_bad_transform_passes_through_with_a_warning(recording):
    cut = recording.to_cut()
    cut.recording.transforms = [Volume("loud")]

    with pytest.warns(UserWarning, match="Volume, factor"):
        [found] = annotate_cuts([cut], score=Engine(FakeBackend()))

    assert found is cut


@pytest.mark.parametrize(
    ("rate", "target", "size"), [(16_000, 8_000, 2 + 2 * 13), (44_100, 48_000, 160 * (147 + 14))]
)
def test_the_size_of_a_filter_is_that_of_lhotse(rate, target, size):
    from lhotse.augmentation.resample import Resample

    assert Resample(rate, target).kernel.numel() == filter_size(rate, target) == size
