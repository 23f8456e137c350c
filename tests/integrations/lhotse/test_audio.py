"""A turn has the same samples in a cut as in the audio file."""

from __future__ import annotations

import numpy as np
import pytest
from lhotse import MonoCut, MultiCut, Recording, SupervisionSegment
from lhotse.audio import AudioSource
from lhotse.augmentation import Volume
from lhotse.cut import MixedCut, MixTrack, PaddingCut
from support.facts import assert_facts

from emo2vec_plugins.audio.sources import FileAudio
from emo2vec_plugins.audio.turns import bounds, mono
from emo2vec_plugins.core import Permissions
from emo2vec_plugins.core.session import Options, serial_group_of
from emo2vec_plugins.core.values import Turn
from emo2vec_plugins.engine.engine import Engine
from emo2vec_plugins.errors import AudioError
from emo2vec_plugins.integrations.lhotse import transforms
from emo2vec_plugins.integrations.lhotse.audio import RecordingAudio, recording_of
from emo2vec_plugins.integrations.lhotse.session import CutSession
from emo2vec_plugins.testing import FakeBackend


def clips_of(cut):
    return list(CutSession(cut, Options()).clips())


def samples_of(clip):
    return np.concatenate(list(mono(clip.turn, clip.audio)))


def samples_in(path, start, end, channel=None):
    return np.concatenate(list(mono(Turn(start=start, end=end, channel=channel), FileAudio(path))))


def supervision(start, duration, **more):
    return SupervisionSegment("s", "rec", start, duration, **more)


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000, 8_000])
def test_a_turn_in_a_cut_has_the_samples_of_its_span_in_the_file(noise, write, rate):
    path = write("a.wav", noise(rate * 5), rate)
    cut = Recording.from_file(path).to_cut()
    cut.supervisions = [supervision(1.2345678, 2.3456789)]

    inside = cut.truncate(offset=0.75, duration=3.5)

    expected = samples_in(path, 1.2345678, 1.2345678 + 2.3456789)
    for each in (cut, inside, inside.truncate(offset=0.1)):
        np.testing.assert_array_equal(samples_of(clips_of(each)[0]), expected)


def test_a_cut_may_start_between_two_samples(noise, write):
    path = write("a.wav", noise(44_100 * 5), 44_100)
    cut = Recording.from_file(path).to_cut()
    cut.start, cut.duration = 0.7654321, 4.0
    cut.supervisions = [supervision(0.1234567, 1.7654321)]

    start = 0.7654321 + 0.1234567
    expected = samples_in(path, start, start + 1.7654321)
    np.testing.assert_array_equal(samples_of(clips_of(cut)[0]), expected)


def test_a_turn_that_starts_before_its_cut_is_scored_from_the_start_of_the_cut(noise, write):
    path = write("a.wav", noise(44_100 * 5), 44_100)
    cut = Recording.from_file(path).to_cut()
    cut.supervisions = [supervision(0.5, 2.0)]

    clip = clips_of(cut.truncate(offset=1.0, duration=3.0))[0]

    assert clip.turn == Turn(start=-0.5, end=1.5)
    np.testing.assert_array_equal(samples_of(clip), samples_in(path, 1.0, 2.5))


def test_a_turn_of_a_multi_channel_cut_is_scored_on_its_own_channels(noise, write):
    path = write("a.wav", noise(44_100 * 2, channels=3), 44_100)
    cut = Recording.from_file(path).to_cut()
    cut.supervisions = [
        supervision(0.5, 1.0, channel=1),
        supervision(0.5, 1.0, channel=[0, 2]),
    ]

    first, second = clips_of(cut)

    assert isinstance(cut, MultiCut)
    np.testing.assert_array_equal(samples_of(first), samples_in(path, 0.5, 1.5, channel=1))
    np.testing.assert_array_equal(samples_of(second), samples_in(path, 0.5, 1.5, channel=(0, 2)))


def test_padding_a_multi_channel_cut_changes_no_turn(noise, write):
    path = write("a.wav", noise(16_000 * 2, channels=2), 16_000)
    cut = Recording.from_file(path).to_cut()
    cut.supervisions = [supervision(0.5, 1.0, channel=1)]

    clip = clips_of(cut.pad(5.0))[0]

    np.testing.assert_array_equal(samples_of(clip), samples_in(path, 0.5, 1.5, channel=1))


def test_a_mono_cut_of_a_stereo_file_is_scored_on_its_channel_only(noise, write):
    path = write("a.wav", noise(16_000 * 2, channels=2), 16_000)
    cut = Recording.from_file(path).to_cut().with_channels(1)

    np.testing.assert_array_equal(
        samples_of(clips_of(cut)[0]), samples_in(path, 0.0, 2.0, channel=1)
    )


def test_a_recording_in_two_files_is_read_by_channel(noise, write):
    sound = noise(16_000, channels=2)
    paths = [write(f"{i}.wav", channel, 16_000) for i, channel in enumerate(sound)]
    sources = [AudioSource("file", [i + 3], str(path)) for i, path in enumerate(paths)]
    audio = RecordingAudio(Recording("rec", sources, 16_000, 16_000, 1.0))

    assert audio.channels == (3, 4)
    np.testing.assert_array_equal(
        audio.read(100, 400, (4, 3)),
        np.concatenate([FileAudio(path).read(100, 400, (0,)) for path in reversed(paths)]),
    )


def test_audio_in_memory_has_the_samples_of_the_file(noise, write):
    path = write("a.flac", noise(16_000 * 3), 16_000)
    cut = Recording.from_bytes(path.read_bytes(), "rec").to_cut()
    cut.supervisions = [supervision(0.5, 1.0)]

    clip = clips_of(cut)[0]

    np.testing.assert_array_equal(samples_of(clip), samples_in(path, 0.5, 1.5))


@pytest.mark.parametrize(
    "change",
    [
        lambda cut: cut.perturb_speed(1.1),
        lambda cut: cut.perturb_volume(0.5),
        lambda cut: cut.resample(8_000),
    ],
)
def test_a_transformed_cut_has_the_samples_that_lhotse_loads(noise, write, change):
    cut = change(Recording.from_file(write("a.wav", noise(16_000 * 3), 16_000)).to_cut())

    clip = clips_of(cut)[0]

    start, stop = bounds(clip.turn, clip.audio)
    np.testing.assert_array_equal(clip.audio.read(start, stop, (0,)), cut.load_audio())


def test_a_mixture_has_the_samples_that_lhotse_loads(noise, write):
    one = Recording.from_file(write("a.wav", noise(16_000 * 2), 16_000)).to_cut()
    two = Recording.from_file(write("b.wav", noise(16_000, seed=1), 16_000)).to_cut()
    mixed = one.mix(two, offset_other_by=0.5, snr=10)

    np.testing.assert_array_equal(samples_of(clips_of(mixed)[0]), mixed.load_audio()[0])


def test_a_mixture_is_mixed_once_and_kept_until_its_last_turn_is_read(noise, write):
    one = Recording.from_file(write("a.wav", noise(16_000 * 20), 16_000)).to_cut()
    one.supervisions = [supervision(start, 5.0) for start in (0.0, 2.5, 5.0, 10.0, 15.0)]
    mixed = one.pad(25.0)
    mixtures = []

    class Counted(type(mixed)):
        def load_audio(self):
            mixtures.append(self.id)
            return super().load_audio()

    Counted.__name__ = "MixedCut"
    object.__setattr__(mixed, "__class__", Counted)
    clips = clips_of(mixed)
    list(Engine(FakeBackend(), batch_seconds=5, workers=3)(clips))

    assert mixtures == [mixed.id]
    clips[0].audio.read(0, 100, (0,))
    assert mixtures == [mixed.id] * 2


def test_cuts_of_one_file_are_read_serially_until_random_access_is_known(noise, write):
    path = write("a.wav", noise(16_000 * 2), 16_000)
    one, two = (clips_of(Recording.from_file(path).to_cut())[0].audio for _ in range(2))
    assert serial_group_of(one) is serial_group_of(two) is not None

    one.read(0, 100, (0,))

    assert serial_group_of(one) is serial_group_of(two) is None


def test_a_missing_file_is_named(tmp_path):
    source = AudioSource("file", [0], str(tmp_path / "gone.wav"))
    audio = RecordingAudio(Recording("rec", [source], 16_000, 16_000, 1.0))

    with pytest.raises(AudioError, match=r"gone\.wav: .*'rec'"):
        audio.read(0, 100, (0,))


@pytest.mark.parametrize(
    ("path", "facts"),
    [
        ("pipe:cat a.wav", ["'command'", "--allow commands", 'allow=("commands",)']),
        ("sox a.wav -t wav - |", ["'command'", "--allow commands"]),
        ("s3://bucket/a.wav", ["'url'", "--allow urls"]),
    ],
)
@pytest.mark.parametrize("allow", [(), ("commands", "urls")])
def test_a_command_or_url_of_the_type_file_is_explained(path, facts, allow):
    source = AudioSource("file", [0], path)
    recording = Recording("rec", [source], 16_000, 16_000, 1.0)
    audio = RecordingAudio(recording, Permissions(allow=allow))

    with pytest.raises(AudioError) as caught:
        audio.read(0, 100, (0,))

    assert_facts(str(caught.value), "'rec'", path, "'file'", *facts)


def test_a_file_may_be_named_like_a_command(write, noise, monkeypatch):
    path = write("pipe:a.wav", noise(16_000), 16_000)
    monkeypatch.chdir(path.parent)
    source = AudioSource("file", [0], path.name)

    audio = RecordingAudio(Recording("rec", [source], 16_000, 16_000, 1.0))

    assert audio.read(0, 100, (0,)).shape == (1, 100)


def test_a_mixture_with_a_track_without_a_recording_has_no_audio(write, noise):
    cut = Recording.from_file(write("a.wav", noise(16_000), 16_000)).to_cut()
    bare = MonoCut("bare", 0.0, 1.0, 0, supervisions=[supervision(0.0, 1.0)])
    mixed = MixedCut("mix", [MixTrack(cut), MixTrack(bare)])

    (clip,) = clips_of(mixed)

    with pytest.raises(AudioError, match="'mix' has no recording"):
        clip.audio.read(0, 100, (0,))


def test_padding_without_a_number_of_samples_is_named(write, noise):
    cut = Recording.from_file(write("a.wav", noise(16_000), 16_000)).to_cut()
    padding = PaddingCut("pad", 1.0, 16_000, -100.0)
    mixed = MixedCut("mix", [MixTrack(cut), MixTrack(padding, offset=1.0)])

    with pytest.raises(AudioError) as caught:
        samples_of(clips_of(mixed)[0])

    assert_facts(str(caught.value), "'mix'", "track 1", "num_samples")


@pytest.mark.parametrize(("channel", "channels"), [(1, 1), (5, 2)])
def test_a_cut_on_a_channel_that_the_recording_lacks_says_which_there_are(
    write, noise, channel, channels
):
    recording = Recording.from_file(write("a.wav", noise(16_000, channels=channels), 16_000))
    cut = MonoCut("cut", 0.0, 1.0, channel, recording=recording)
    (clip,) = clips_of(cut)

    with pytest.raises(AudioError) as caught:
        samples_of(clip)

    assert_facts(str(caught.value), "no such channel", f"[{channel}]", str([*range(channels)]))


def test_a_mixture_of_any_claimed_duration_is_not_allocated(write, noise):
    cut = Recording.from_file(write("a.wav", noise(16_000), 16_000)).to_cut().pad(duration=1e7)
    (clip,) = clips_of(cut)

    with pytest.raises(AudioError) as caught:
        next(iter(mono(clip.turn, clip.audio)))

    assert_facts(str(caught.value), cut.id, "10000000 s", "8388 s", "cut_into_windows(8388)")


def test_the_tracks_of_a_mixture_are_not_loaded_if_they_do_not_fit(write, noise):
    cut = Recording.from_file(write("a.wav", noise(16_000), 16_000)).to_cut()
    padding = PaddingCut("pad", 1.0, 16_000, -100.0, num_samples=10**12)
    (clip,) = clips_of(MixedCut("mix", [MixTrack(cut), MixTrack(padding)]))

    with pytest.raises(AudioError) as caught:
        samples_of(clip)

    assert_facts(str(caught.value), "'mix'", "1,000,000,016,000", "2 tracks", "536,870,912")


@pytest.mark.parametrize("kind", ["file", "memory"])
def test_a_long_file_of_a_short_recording_is_not_read_as_a_whole(write, noise, monkeypatch, kind):
    monkeypatch.setattr(transforms, "MOST_VALUES", 20_000)
    path = write("a.wav", noise(32_000), 16_000)
    source = AudioSource(kind, [0], str(path) if kind == "file" else path.read_bytes())
    cut = Recording("rec", [source], 16_000, 16_000, 1.0, transforms=[Volume(0.5)]).to_cut()

    with pytest.raises(AudioError) as caught:
        samples_of(clips_of(cut)[0])

    assert_facts(str(caught.value), "'rec'", "32,000", "20,000")
    inner = cut.truncate(duration=0.5)  # only this part is read
    assert len(samples_of(clips_of(inner)[0])) == 8_000


# If Lhotse cannot read a file, only the garbage collector closes it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_failure_of_lhotse_is_reported_in_one_line(tmp_path, write, noise):
    path = write("a.wav", noise(16_000), 16_000)
    source = AudioSource("file", [0], str(path))
    audio = RecordingAudio(Recording("rec", [source], 16_000, 99_000, 99_000 / 16_000))

    with pytest.raises(AudioError, match=r"^[^\n]*'rec': Lhotse [^\n]+$"):
        audio.read(50_000, 60_000, (0,))


@pytest.mark.parametrize("name", ["stereo.wav", "stereo.mp3", "stereo.opus", "rir/real_8ch.wav"])
def test_recordings_of_real_files_have_the_samples_of_the_files(shared, name):
    path = shared / "lhotse_fixtures" / name
    recording = Recording.from_file(path)

    audio, file = RecordingAudio(recording), FileAudio(path)

    stop = min(audio.length, file.length, 20_000)
    np.testing.assert_array_equal(
        audio.read(1_000, stop, audio.channels), file.read(1_000, stop, file.channels)
    )


def test_a_sphere_file_is_read_without_another_program(shared):
    path = shared / "lhotse_fixtures" / "stereo.sph"
    file = FileAudio(path)
    source = AudioSource("file", [0, 1], str(path))
    recording = Recording("rec", [source], file.rate, file.length, file.length / file.rate)

    np.testing.assert_array_equal(
        RecordingAudio(recording).read(0, 4_000, (1,)), file.read(0, 4_000, (1,))
    )


@pytest.mark.parametrize(("name", "rate", "channels"), [("a.wav", 16_000, 1), ("a.flac", 8_000, 3)])
def test_a_recording_of_a_file_is_the_one_that_lhotse_makes(noise, write, name, rate, channels):
    path = write(name, noise(rate + 7, channels=channels), rate)

    found = recording_of(path, name="rec")

    assert found == Recording.from_file(path, recording_id="rec")
    assert recording_of(str(path), name="rec") == found


def test_a_recording_of_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(AudioError, match=r"gone\.wav"):
        recording_of(tmp_path / "gone.wav", name="rec")
