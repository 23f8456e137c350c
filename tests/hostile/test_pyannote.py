"""Pipelines of strangers for pyannote, which calls classes and unpickles models that they name."""

from __future__ import annotations

import os

import pytest
import yaml
from support.cli_runner import run
from support.facts import assert_facts

from emo2vec_plugins import Engine, Options
from emo2vec_plugins.errors import (
    Emo2vecError,
    NotAllowedError,
)
from emo2vec_plugins.testing import FakeBackend


def pipeline_of(folder, name, **values):
    folder.mkdir(exist_ok=True)
    params = values.pop("params", {})
    document = {"pipeline": {"name": name, "params": params}, **values}
    (folder / "config.yaml").write_text(yaml.safe_dump(document))
    return folder


DIARIZATION = "pyannote.audio.pipelines.SpeakerDiarization"


def from_pretrained(checkpoint, *allow):
    pytest.importorskip("pyannote.audio")
    from emo2vec_plugins.integrations.pyannote.pipeline import EmotionDiarizationPipeline

    return EmotionDiarizationPipeline.from_pretrained(
        checkpoint, score=Engine(FakeBackend()), options=Options(allow=allow)
    )


@pytest.mark.parametrize("allow", [(), ("pickles",), ("commands", "urls")])
@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("subprocess.Popen", {"args": "touch executed", "shell": True}),
        ("os.system", {"command": "touch executed"}),
        ("builtins.exec", {}),
        ("evil.Pipeline", {}),
        ("pyannote.audio.pipelines.speaker_diarization.Path", {}),
        ("pyannote.audio.core.model.pl_load", {"path_or_url": "evil.bin", "weights_only": False}),
    ],
)
def test_a_configuration_calls_no_other_class(marker, tmp_path, name, params, allow):
    marker.module(tmp_path / "evil.py")
    marker.torch(tmp_path / "evil.bin")
    folder = pipeline_of(tmp_path / "pipeline", name, params=params)

    for checkpoint in (
        folder,
        folder / "config.yaml",
        yaml.safe_load((folder / "config.yaml").read_text()),
    ):
        with pytest.raises(NotAllowedError) as caught:
            from_pretrained(checkpoint, *allow)
        assert_facts(str(caught.value), name, "--allow code")

    assert not marker.exists


def test_preprocessors_are_not_called(marker, tmp_path):
    call = {"name": "subprocess.Popen", "params": {"args": "touch executed", "shell": True}}
    folder = pipeline_of(tmp_path / "pipeline", DIARIZATION, preprocessors={"audio": call})

    with pytest.raises(NotAllowedError, match="--allow code"):
        from_pretrained(folder)

    assert not marker.exists


@pytest.mark.parametrize(
    "params",
    [
        {"segmentation": "$model/segmentation"},
        {"segmentation": {"checkpoint": "evil/pytorch_model.bin"}},
        {"segmentation": "evil/pytorch_model.bin"},
        {"embedding": ["evil/pytorch_model.bin"]},
        {"segmentation": "pyannote/segmentation-3.0"},
        {"separation": "$model/separation"},
    ],
)
def test_models_of_a_pipeline_are_not_unpickled(marker, tmp_path, params):
    (tmp_path / "evil").mkdir()
    marker.torch(tmp_path / "evil" / "pytorch_model.bin")
    folder = pipeline_of(tmp_path / "pipeline", DIARIZATION, params=params)

    with pytest.raises(NotAllowedError) as caught:
        from_pretrained(folder)

    assert_facts(str(caught.value), folder, "--allow pickles", 'allow=("pickles",)')
    assert not marker.exists


COMMUNITY = "pyannote/speaker-diarization-community-1"
"""The default of the command, and of the class for its models."""


def plant(marker, folder):
    """Write a pickle where pyannote looks for the segmentation model of *folder*."""
    (folder / "segmentation").mkdir(parents=True)
    marker.torch(folder / "segmentation" / "pytorch_model.bin")


@pytest.mark.parametrize("checkpoint", ["config.yaml", ".", {"pipeline": {"name": DIARIZATION}}])
@pytest.mark.parametrize("linked", [False, True])
def test_default_models_of_a_class_are_not_unpickled(
    marker, tmp_path, monkeypatch, checkpoint, linked
):
    """The configuration names no model, and the default exists in the working directory."""
    pipeline_of(tmp_path / "pipeline", DIARIZATION)
    plant(marker, tmp_path / ("elsewhere" if linked else "pipeline") / COMMUNITY)
    if linked:
        (tmp_path / "pipeline" / "pyannote").symlink_to(tmp_path / "elsewhere" / "pyannote")
    monkeypatch.chdir(tmp_path / "pipeline")

    with pytest.raises(NotAllowedError) as caught:
        from_pretrained(checkpoint)

    assert_facts(str(caught.value), DIARIZATION, "--allow pickles")
    assert not marker.exists


def test_a_local_folder_is_not_mistaken_for_the_default_pipeline(
    marker, tmp_path, monkeypatch, speech
):
    pytest.importorskip("pyannote.audio")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyannote").mkdir()
    folder = pipeline_of(tmp_path / COMMUNITY, DIARIZATION)
    plant(marker, tmp_path / "data")
    (folder / "segmentation").symlink_to(tmp_path / "data" / "segmentation")

    result = run("diarize", speech, "-o", tmp_path / "out", "-m", "fake")

    assert result.exit_code == 1
    assert_facts(result.stderr, f"{COMMUNITY}/config.yaml", "--allow pickles")
    assert not marker.exists


@pytest.mark.parametrize("owner", ["pyannote", "pyannoteAI", "speechbrain"])
def test_local_models_of_a_pipeline_on_the_hub_are_refused(tmp_path, monkeypatch, owner):
    """Its configuration may name ``pyannote/segmentation-3.0``, which may be a local folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / owner).symlink_to(tmp_path / "elsewhere")

    with pytest.raises(NotAllowedError) as caught:
        from_pretrained("pyannote/speaker-diarization-3.1")

    assert_facts(str(caught.value), tmp_path / owner, "--allow pickles")


def test_the_default_models_of_another_account_need_code(tmp_path):
    name = "pyannote.audio.pipelines.SpeechSeparation"

    with pytest.raises(NotAllowedError) as caught:
        from_pretrained(pipeline_of(tmp_path / "pipeline", name), "pickles")

    assert_facts(str(caught.value), "speechbrain/", "--allow code")


def test_models_of_a_pipeline_are_unpickled_if_that_is_allowed(marker, tmp_path):
    """The hostile folder does what it says; then loading fails, as it has no model."""
    folder = pipeline_of(
        tmp_path / "pipeline", DIARIZATION, params={"segmentation": "$model/segmentation"}
    )
    (folder / "segmentation").mkdir()
    marker.torch(folder / "segmentation" / "pytorch_model.bin")

    with pytest.raises(Emo2vecError):
        from_pretrained(folder, "pickles")

    assert marker.exists


@pytest.mark.parametrize("name", ["speechbrain/spkrec-ecapa-voxceleb", "gone.bin", "name"])
def test_a_model_of_another_account_needs_code(tmp_path, name):
    params = {"embedding": name}
    folder = pipeline_of(tmp_path / "pipeline", DIARIZATION, params=params)

    for checkpoint in (folder, "someone/pipeline"):
        with pytest.raises(NotAllowedError, match="--allow code"):
            from_pretrained(checkpoint, "pickles")


def test_a_pipeline_with_tags_for_python_is_refused(marker, tmp_path):
    folder = tmp_path / "pipeline"
    folder.mkdir()
    marker.yaml(folder / "config.yaml")

    with pytest.raises(Emo2vecError, match=r"config\.yaml"):
        from_pretrained(folder)

    assert not marker.exists


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_configuration_that_is_no_regular_file_is_not_read(tmp_path, kind):
    (tmp_path / "pipeline").mkdir()
    path = tmp_path / "pipeline" / "config.yaml"
    os.mkfifo(path) if kind == "pipe" else path.symlink_to("/dev/zero")

    with pytest.raises(NotAllowedError) as caught:
        from_pretrained(tmp_path / "pipeline")

    assert_facts(str(caught.value), path, "pipe or device")


def test_the_command_names_the_option(marker, tmp_path, speech):
    pytest.importorskip("pyannote.audio")
    folder = pipeline_of(tmp_path / "pipeline", "os.system", params={"command": "touch executed"})

    result = run("diarize", speech, "--pipeline", folder, "-o", tmp_path / "out", "-m", "fake")

    assert result.exit_code == 1
    assert_facts(result.stderr, folder / "config.yaml", "os.system", "--allow code")
    assert not marker.exists
