"""Real-world input: one bad clip never raises out of a run, and no turn is lost."""

from __future__ import annotations

import os
from contextlib import contextmanager

import numpy as np
import pytest
from support.facts import assert_facts

from emo2vec_plugins.core.pipeline import annotate
from emo2vec_plugins.core.plugins import Plugins
from emo2vec_plugins.core.session import Options, Recording
from emo2vec_plugins.core.values import Turn
from emo2vec_plugins.engine.engine import Engine
from emo2vec_plugins.testing import FakeBackend, tone

RATE = 16_000
NAMES = FakeBackend.labels.names
PLUGINS = Plugins(installed=False)


def annotated(*sources, **options):
    return list(
        annotate(sources, score=Engine(FakeBackend()), plugins=PLUGINS, options=Options(**options))
    )


def only_emotion(source):
    (dialogue,) = annotated(source)
    (scored,) = dialogue.turns
    return scored.emotion


def cut_in_half(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


# A file that cannot be read gives a reason, and the run continues.


@pytest.fixture
def bad_file(tmp_path, write, noise):
    def make(kind):
        path = tmp_path / f"{kind}.wav"
        match kind:
            case "empty":
                path.touch()
            case "text":
                path.write_text("this is not audio\n" * 100)
            case "folder":
                path.mkdir()
            case "dangling":
                path.symlink_to(tmp_path / "nowhere.wav")
            case "header":
                write(path.name, noise(16_000), RATE)
                path.write_bytes(path.read_bytes()[:20])
            case "nan":
                samples = noise(16_000)
                samples[8_000] = np.nan
                write(path.name, samples, RATE, subtype="FLOAT")
            case "infinite":
                samples = noise(16_000)
                samples[8_000] = np.inf
                write(path.name, samples, RATE, subtype="DOUBLE")
        return path

    return make


BAD_FILES = {
    "missing": "no such audio file",
    "empty": "empty",
    "text": "not readable as audio",
    "folder": "folder",
    "dangling": "no such audio file",
    "header": "not readable as audio",
    "nan": "at 0.500 s",
    "infinite": "at 0.500 s",
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_file_that_cannot_be_read_gives_a_reason(bad_file, write, kind):
    good = write("good.wav", tone(1.0), RATE)

    first, bad, last = annotated(good, bad_file(kind), str(good))

    (scored,) = bad.turns
    assert (bad.recording, scored.emotion.label) == (kind, None)
    assert BAD_FILES[kind] in scored.emotion.reason
    assert first == last
    assert first.turns[0].emotion.label in NAMES


@pytest.mark.parametrize("kind", BAD_FILES)
def test_every_turn_of_a_bad_file_is_returned(bad_file, kind):
    turns = [Turn(start=0.0, end=0.8, speaker="a"), Turn(start=0.4, end=0.9, speaker="b")]

    (dialogue,) = annotated(Recording(recording="x", audio=bad_file(kind), turns=turns))

    assert [scored.turn for scored in dialogue.turns] == turns
    assert all(BAD_FILES[kind] in scored.emotion.reason for scored in dialogue.turns)
    assert all(
        scored.emotion.flags == ("overlapped",) or kind in ("nan", "infinite")
        for scored in dialogue.turns
    )


@pytest.fixture
def unprivileged():
    """Return a context in which root, who can read every file, is an ordinary user."""

    @contextmanager
    def as_user():
        user = os.geteuid()
        if user == 0:
            os.seteuid(65_534)
        try:
            yield
        finally:
            os.seteuid(user)

    return as_user


def test_a_file_without_read_permission_gives_a_reason(write, unprivileged):
    path = write("private.wav", tone(1.0), RATE)
    path.chmod(0)

    with unprivileged():
        assert "not readable as audio" in only_emotion(path).reason


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.wav", {"subtype": "PCM_16"}),
        ("a.flac", {}),
        ("a.ogg", {"format": "OGG", "subtype": "VORBIS"}),
        ("a.opus", {"format": "OGG", "subtype": "OPUS"}),
        ("a.mp3", {"format": "MP3"}),
    ],
)
def test_no_turn_of_a_truncated_file_is_lost(write, noise, name, kind):
    path = cut_in_half(write(name, noise(20 * RATE), RATE, **kind))
    turns = [Turn(start=1.0, end=2.0), Turn(start=8.0, end=18.0), Turn(start=18.0, end=19.0)]

    (dialogue,) = annotated(Recording(recording="x", audio=path, turns=turns))

    before, across, beyond = (scored.emotion for scored in dialogue.turns)
    assert before.label in NAMES
    assert across.label is None or "clipped" in across.flags
    assert beyond.label is None
    assert beyond.reason


def test_a_file_without_samples_is_too_short(write):
    path = write("none.wav", np.zeros(0, np.float32), RATE)

    assert only_emotion(path).reason.startswith("too short: 0 samples")


def test_a_public_file_without_samples_is_too_short(shared):
    emotion = only_emotion(shared / "audio_formats" / "tmp.wav")

    assert emotion.reason.startswith("too short: 0 samples")


def test_nan_affects_only_the_turns_that_contain_it(write, noise):
    samples = noise(3 * RATE)
    samples[RATE + 5] = np.nan
    path = write("a.wav", samples, RATE, subtype="FLOAT")
    turns = [Turn(start=float(i), end=i + 1.0) for i in range(3)]

    (dialogue,) = annotated(Recording(recording="x", audio=path, turns=turns))

    labels = [scored.emotion.label is not None for scored in dialogue.turns]
    assert labels == [True, False, True]


def test_a_missing_channel_gives_a_reason(write, noise):
    path = write("a.wav", noise(RATE, channels=2), RATE)
    turns = [Turn(start=0.0, end=1.0, channel=channel) for channel in (0, 2, (0, 1), (1, 7))]

    (dialogue,) = annotated(Recording(recording="x", audio=path, turns=turns))

    reasons = [scored.emotion.reason for scored in dialogue.turns]
    assert reasons[0] is reasons[2] is None
    for reason, missing in ((reasons[1], "[2]"), (reasons[3], "[1, 7]")):
        assert missing in reason
        assert "[0, 1]" in reason


def test_audio_of_an_unknown_type_fails_only_its_recording():
    bad = Recording(recording="bad", audio=3.5)
    good = Recording(recording="good", audio=(tone(1.0), RATE))

    with pytest.warns(UserWarning, match="audio .*float"):
        results = annotated(bad, good)

    assert results[0] is bad
    assert results[1].turns[0].emotion.label in NAMES


# Short, silent, long.


@pytest.mark.parametrize(("samples", "scored"), [(0, False), (399, False), (400, True)])
def test_400_samples_are_the_minimum(samples, scored):
    emotion = only_emotion(Recording(recording="x", audio=(np.ones(samples, np.float32), RATE)))

    assert (emotion.label is not None) == scored
    assert (emotion.reason is None) == scored


@pytest.mark.parametrize(("samples", "scored"), [(199, False), (200, True)])
def test_the_minimum_applies_after_resampling(samples, scored):
    emotion = only_emotion(
        Recording(recording="x", audio=(np.ones(samples, np.float32), RATE // 2))
    )

    assert (emotion.label is not None) == scored


def test_digital_silence_is_scored_and_flagged(write):
    emotion = only_emotion(write("a.wav", np.zeros(2 * RATE), RATE))

    assert (emotion.label in NAMES, emotion.flags) == (True, ("silent",))


def test_a_recording_longer_than_a_window_is_scored():
    emotion = only_emotion(Recording(recording="x", audio=(np.tile(tone(5.0), 14), RATE)))

    assert (emotion.label in NAMES, emotion.flags) == (True, ("windowed",))


# Audio formats.


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("channels", [1, 2, 8])
@pytest.mark.parametrize("kind", ["PCM_U8", "PCM_16", "PCM_24", "FLOAT", "DOUBLE"])
def test_wav_files_of_every_kind_are_scored(write, noise, rate, channels, kind):
    path = write("a.wav", noise(rate // 4, channels=channels), rate, subtype=kind)

    emotion = only_emotion(path)

    assert emotion.label in NAMES
    assert emotion.duration == pytest.approx(0.25, abs=1e-3)


@pytest.mark.parametrize("folder", ["audio_formats", "lhotse_fixtures", "conversations"])
def test_public_files_of_every_kind_are_scored(shared, folder):
    endings = {".wav", ".flac", ".mp3", ".opus", ".sph"}
    paths = [path for path in sorted((shared / folder).rglob("*")) if path.suffix in endings]

    # Ten seconds of each file are enough, and fast.
    turns = [Turn(start=0.0, end=10.0)]
    dialogues = annotated(*(Recording(recording=p.stem, audio=p, turns=turns) for p in paths))

    assert paths
    for dialogue in dialogues:
        (scored,) = dialogue.turns
        assert scored.emotion.label in NAMES or scored.emotion.reason.startswith("too short")


# Turns.


def test_odd_turns_are_all_returned_in_order():
    turns = [
        Turn(start=2.0, end=3.0, speaker="b"),
        Turn(start=-1.0, end=1.0, speaker="a"),
        Turn(start=1.0, end=1.0, speaker="a"),
        Turn(start=3.5, end=9.0, speaker="b"),
        Turn(start=2.0, end=3.0, speaker="b"),
        Turn(start=50.0, end=60.0, speaker="a"),
        Turn(start=-9.0, end=-8.0, speaker="a"),
    ]

    (dialogue,) = annotated(Recording(recording="x", audio=(tone(4.0), RATE), turns=turns))

    assert [scored.turn for scored in dialogue.turns] == turns
    scored = [one.emotion for one in dialogue.turns]
    assert [emotion.label is not None for emotion in scored] == [
        True,
        True,
        False,
        True,
        True,
        False,
        False,
    ]
    assert [emotion.flags for emotion in scored] == [
        (),
        ("clipped",),
        ("short",),
        ("short", "clipped"),
        (),
        ("short", "clipped"),
        ("short", "clipped"),
    ]
    assert scored[0] == scored[4]
    assert scored[3].duration == pytest.approx(0.5)


def test_overlap_is_kept_or_excluded_on_request():
    turns = [Turn(start=0.0, end=2.0, speaker="a"), Turn(start=1.0, end=2.0, speaker="b")]
    meeting = Recording(recording="x", audio=(tone(2.0), RATE), turns=turns)

    (kept,) = annotated(meeting)
    (alone,) = annotated(meeting, overlap="exclude")

    assert [one.emotion.overlap_ratio for one in kept.turns] == [0.5, 1.0]
    assert [one.emotion.overlap_ratio for one in alone.turns] == [0.5, 1.0]
    assert kept.turns[1].emotion.label in NAMES
    assert "overlapped" in alone.turns[1].emotion.reason
    assert alone.turns[0].emotion.scores != kept.turns[0].emotion.scores


def test_turns_with_extreme_bounds_are_read_within_the_audio():
    turns = [Turn(start=-1e308, end=1e308), Turn(start=1e308, end=1e308)]

    (dialogue,) = annotated(Recording(recording="x", audio=(tone(1.0), RATE), turns=turns))

    whole, beyond = (scored.emotion for scored in dialogue.turns)
    assert [scored.turn for scored in dialogue.turns] == turns
    assert (whole.label in NAMES, whole.duration, whole.flags) == (True, 1.0, ("clipped",))
    assert_facts(beyond.reason, "beyond the audio", "1e+308", "1.000")


def test_a_recording_without_turns_stays_empty():
    (dialogue,) = annotated(Recording(recording="x", audio="missing.wav", turns=[]))

    assert (dialogue.recording, dialogue.turns) == ("x", ())


def test_thousands_of_turns_of_a_missing_file_all_have_a_reason():
    turns = [Turn(start=float(i), end=i + 1.0, speaker="a") for i in range(5_000)]

    (dialogue,) = annotated(Recording(recording="x", audio="missing.wav", turns=turns))

    assert len(dialogue.turns) == 5_000
    for scored in dialogue.turns:
        assert "missing.wav" in scored.emotion.reason


# Options.


@pytest.mark.parametrize(
    "options",
    [{"overlap": "drop"}, {"array_dtype": "float64"}, {"field": "my field"}, {"field": ""}],
)
def test_invalid_options_are_rejected(options):
    ((name, value),) = options.items()

    with pytest.raises(ValueError, match=f"{name} .*{value!r}"):
        Options(**options)
