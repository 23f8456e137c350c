"""Lhotse manifests that name commands, URLs and pickles: refused, one turn at a time."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
from io import BytesIO
from pathlib import Path

import pytest
from lhotse import CutSet, Recording, SupervisionSegment
from lhotse.cut.set import deserialize_cut
from support.cli_runner import run
from support.facts import assert_facts

from emo2vec_plugins import Engine, Options, annotate_cuts
from emo2vec_plugins.core import Permissions
from emo2vec_plugins.errors import AudioError
from emo2vec_plugins.integrations.lhotse import recording_of
from emo2vec_plugins.integrations.lhotse.audio import MixtureAudio
from emo2vec_plugins.integrations.lhotse.sources import check_sources
from emo2vec_plugins.testing import FakeBackend

SECOND = {"sampling_rate": 16_000, "num_samples": 16_000, "duration": 1.0}


def recording(*sources, **more):
    channels = list(range(len(sources)))
    named = [
        {"type": kind, "channels": [channel], "source": source}
        for channel, (kind, source) in zip(channels, sources, strict=True)
    ]
    return {"id": "rec", "sources": named, **SECOND, **more}


def cut_of(of, **more):
    turn = {
        "id": "turn",
        "recording_id": "rec",
        "start": 0.0,
        "duration": 1.0,
        "custom": {"emotion": "sad"},
    }
    mono = {"id": "cut", "start": 0.0, "duration": 1.0, "channel": 0, "type": "MonoCut"}
    return {**mono, "supervisions": [turn], "recording": of, **more}


def mixed(*cuts, **more):
    tracks = [{"cut": cut, "type": cut["type"], "offset": 0.0} for cut in cuts]
    return {"id": "mix", "type": "MixedCut", "tracks": tracks, **more}


def reverb(of):
    kwargs = {"rir": of, "normalize_output": True, "early_only": False, "rir_channels": [0]}
    return [{"name": "ReverbWithImpulseResponse", "kwargs": kwargs}]


def hostile(kind, speech, command):
    """Return a cut that runs *command*, or reads a URL, and the kind that allows it."""
    file = ("file", str(speech))
    bad = recording(("command", command))
    match kind:
        case "command":
            return cut_of(bad), "commands"
        case "pipe":
            return cut_of(recording(("url", f"pipe:{command}"))), "commands"
        case "shouted pipe":
            return cut_of(recording(("url", f" PIPE:{command}"))), "commands"
        case "second source":
            return cut_of(recording(file, ("command", command))), "commands"
        case "impulse response":
            return cut_of(recording(file, transforms=reverb(bad))), "commands"
        case "impulse response as a cut":
            return cut_of(recording(file, transforms=reverb(cut_of(bad)))), "commands"
        case "second track":
            return mixed(cut_of(recording(file)), cut_of(bad)), "commands"
        case "mixture of a mixture":
            inner = mixed(cut_of(recording(file)), cut_of(bad))
            return mixed(cut_of(recording(file)), inner), "commands"
        case "transform of a mixture":
            return mixed(
                cut_of(recording(file)), cut_of(recording(file)), transforms=reverb(bad)
            ), "commands"
        case "file URL":
            return cut_of(recording(("url", f"file://{speech}"))), "urls"
        case "path as a URL":
            return cut_of(recording(("url", str(speech)))), "urls"
        case "object storage":
            return cut_of(recording(("url", "s3://bucket/a.wav"))), "urls"
        case "web":
            return cut_of(recording(("url", "http://127.0.0.1:9/a.wav"))), "urls"
        case "URL in a transform":
            far = recording(("url", "gs://bucket/a.wav"))
            return cut_of(recording(file, transforms=reverb(far))), "urls"
        case "URL as a file":
            return cut_of(recording(file, ("file", "https://127.0.0.1:9/a.wav"))), "urls"
        case "pipe as a file":
            return cut_of(recording(file, ("file", f"pipe:{command}"))), "commands"
        case "protocol of FFmpeg":
            return cut_of(recording(file, ("file", f"concat:{speech}|{speech}"))), "urls"
    raise AssertionError(kind)


KINDS = (
    *("command", "pipe", "shouted pipe", "second source", "impulse response"),
    *("impulse response as a cut", "second track", "transform of a mixture", "file URL"),
    *("path as a URL", "object storage", "web", "URL in a transform", "URL as a file"),
    *("pipe as a file", "protocol of FFmpeg"),
)


def manifest_of(tmp_path, *cuts):
    path = tmp_path / "cuts.jsonl"
    path.write_text("".join(json.dumps(cut) + "\n" for cut in cuts), "utf-8")
    return path


def reasons(cuts):
    return [
        supervision.custom["emotion_reason"] for cut in cuts for supervision in cut.supervisions
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_manifest_runs_and_fetches_nothing(marker, speech, tmp_path, kind):
    cut, flag = hostile(kind, speech, marker.command)
    good = cut_of(recording(("file", str(speech))), id="good")
    manifest, out = manifest_of(tmp_path, cut, good), tmp_path / "out.jsonl"

    result = run("cuts", manifest, "-o", out, "--model", "fake", "--overwrite")

    assert not marker.exists
    assert result.exit_code == 3
    *bad, last = reasons(CutSet.from_file(out))
    assert last is None
    for reason in bad:
        assert_facts(reason, f"--allow {flag}", f'allow=("{flag}",)')


@pytest.mark.parametrize("kind", KINDS)
def test_cuts_in_memory_run_and_fetch_nothing(marker, speech, kind):
    cut, flag = hostile(kind, speech, marker.command)
    options = Options(overwrite=True)

    found = annotate_cuts([deserialize_cut(cut)], score=Engine(FakeBackend()), options=options)

    for reason in reasons(found):
        assert_facts(reason, f"--allow {flag}")
    assert not marker.exists


def test_a_mixture_in_a_mixture_runs_nothing(marker, speech):
    """Sessions refuse such cuts; Lhotse would load them."""
    cut, _ = hostile("mixture of a mixture", speech, marker.command)
    audio = MixtureAudio(deserialize_cut(cut), clips=1)

    with pytest.raises(AudioError, match="--allow commands"):
        audio.read(0, 16_000, (0,))

    assert not marker.exists


@pytest.mark.parametrize("other", ["urls", "code", "pickles"])
def test_each_permission_is_for_one_thing(marker, speech, other):
    cut, _ = hostile("pipe", speech, marker.command)
    options = Options(overwrite=True, allow=(other,))

    found = annotate_cuts([deserialize_cut(cut)], score=Engine(FakeBackend()), options=options)

    assert_facts(*reasons(found), "--allow commands")
    assert not marker.exists


@pytest.mark.parametrize(
    "kind",
    [
        *("command", "pipe", "second source", "impulse response", "second track"),
        *("transform of a mixture", "path as a URL"),
    ],
)
def test_what_is_allowed_is_read(speech, tmp_path, kind):
    cut, flag = hostile(kind, speech, f"cat {speech}")
    manifest, out = manifest_of(tmp_path, cut), tmp_path / "out.jsonl"

    result = run("cuts", manifest, "-o", out, "--model", "fake", "--overwrite", "--allow", flag)

    assert result.exit_code == 0, result.stderr
    assert set(reasons(CutSet.from_file(out))) == {None}


@pytest.mark.parametrize(
    "name", ["x;touch executed;.sph", "x$(touch executed).SPH", "x;touch executed;x/.sph"]
)
@pytest.mark.parametrize("is_there", [True, False])
def test_the_name_of_a_file_never_reaches_a_shell(marker, tmp_path, speech, name, is_there):
    """Lhotse puts the names of .sph and .opus files into the command of a decoder."""
    if is_there:
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text("not audio")
    sources = [("file", name), ("file", str(speech))]
    cuts = [cut_of(recording(*sources)), cut_of(recording(("file", name)))]
    options = Options(overwrite=True)

    found = annotate_cuts(map(deserialize_cut, cuts), score=Engine(FakeBackend()), options=options)

    assert all(reasons(found))
    assert not marker.exists
    with pytest.raises(AudioError):
        recording_of(name, name="rec")
    assert not marker.exists


def test_a_quote_in_the_name_of_an_opus_file_never_reaches_a_shell(marker, speech):
    name = "x';touch executed;'.opus"
    Path(name).write_text("not audio")
    cut = cut_of(recording(("file", name), ("file", str(speech))))

    found = annotate_cuts(
        [deserialize_cut(cut)], score=Engine(FakeBackend()), options=Options(overwrite=True)
    )

    assert_facts(*reasons(found), "--allow commands")
    assert not marker.exists


def test_audio_outside_of_the_root_is_not_read(tmp_path, speech):
    inside = tmp_path / "root"
    inside.mkdir()
    shutil.copy(speech, inside / "in.wav")
    (inside / "link.wav").symlink_to(speech)
    (inside / "up").symlink_to(tmp_path)
    paths = [inside / "in.wav", speech, inside / "link.wav", inside / "up" / "speech.wav"]
    paths += [inside / ".." / "speech.wav"]
    cuts = [cut_of(recording(("file", str(path))), id=str(path)) for path in paths]
    both = recording(("file", str(inside / "in.wav")), ("file", str(speech)))
    manifest, out = manifest_of(tmp_path, *cuts, cut_of(both)), tmp_path / "out.jsonl"

    run(
        *("cuts", manifest, "-o", out, "--model", "fake", "--overwrite"),
        *("--root", inside),
    )

    first, *others = reasons(CutSet.from_file(out))
    assert first is None
    for reason in others:
        assert_facts(reason, "--root", str(inside))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_named_pipe_is_not_audio(tmp_path, speech):
    os.mkfifo(tmp_path / "pipe.wav")
    cuts = [recording(("file", "pipe.wav")), recording(("file", "pipe.wav"), ("file", str(speech)))]

    found = annotate_cuts(
        [deserialize_cut(cut_of(each)) for each in cuts],
        score=Engine(FakeBackend()),
        options=Options(overwrite=True),
    )

    assert all("pipe.wav" in reason for reason in reasons(found))


@pytest.mark.parametrize("command", ["evaluate", "pseudo-label"])
def test_other_commands_run_nothing(marker, speech, tmp_path, command):
    manifest = manifest_of(tmp_path, cut_of(recording(("command", marker.command))))
    more = ["-o", tmp_path / "out.jsonl", "--overwrite"]

    result = run(command, manifest, "--model", "fake", *(more if command == "pseudo-label" else []))

    assert result.exit_code in (1, 3)
    assert_facts(result.stderr, "--allow commands")
    assert not marker.exists


def test_a_training_example_runs_nothing(marker):
    from emo2vec_plugins.training.examples import read_examples

    cut = deserialize_cut(cut_of(recording(("command", marker.command))))
    (example,) = read_examples([cut])

    with pytest.raises(AudioError, match="--allow commands"):
        example.read()
    assert not marker.exists


def test_a_training_example_runs_what_is_allowed(speech):
    from emo2vec_plugins.training.examples import read_examples

    cut = deserialize_cut(cut_of(recording(("command", f"cat {speech}"))))
    (example,) = read_examples([cut], permissions=Permissions(allow=("commands",)))

    assert len(example.read()) == 16_000


def test_a_shar_directory_runs_nothing(marker, speech, tmp_path):
    """Lhotse opens a file whose path begins with "pipe:" as a command."""
    shar = tmp_path / "shar"
    shar.mkdir()
    whole = Recording.from_file(speech).to_cut()
    whole.supervisions = [SupervisionSegment("turn", whole.recording_id, 0.0, 1.0)]
    CutSet.from_cuts([whole]).to_shar(shar, fields={"recording": "wav"}, shard_size=1)
    shutil.copy(shar / "recording.000000.tar", shar / "pipe:touch executed;.000000.tar")
    os.chdir(shar)

    run("cuts", ".", "-o", tmp_path / "out", "--model", "fake")

    assert not list(tmp_path.rglob("executed"))


def test_a_recording_in_a_tar_file_runs_nothing(marker, speech, tmp_path):
    shar = tmp_path / "shar"
    shar.mkdir()
    whole = Recording.from_file(speech).to_cut()
    whole.supervisions = [SupervisionSegment("turn", whole.recording_id, 0.0, 1.0)]
    CutSet.from_cuts([whole]).to_shar(shar, fields={"recording": "wav"}, shard_size=1)
    _edit_recording(shar / "recording.000000.tar", reverb(recording(("command", marker.command))))

    result = run("cuts", shar, "-o", tmp_path / "out", "--model", "fake")

    assert not marker.exists
    assert_facts(result.stderr, "--allow commands")


def _edit_recording(path, transforms):
    with tarfile.open(path) as tar:
        members = [(each, tar.extractfile(each).read()) for each in tar]
    with tarfile.open(path, "w") as tar:
        for info, data in members:
            if info.name.endswith(".json"):
                data = json.dumps(json.loads(data) | {"transforms": transforms}).encode()
                info.size = len(data)
            tar.addfile(info, BytesIO(data))


def test_a_long_command_is_cut(tmp_path):
    cut = deserialize_cut(cut_of(recording(("command", "x" * 10_000))))

    with pytest.raises(AudioError) as caught:
        check_sources(cut, Permissions(), where="cut")

    assert len(str(caught.value)) < 400
