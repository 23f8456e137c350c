"""Everything else that names a file: lists, folders, tables, annotations and settings."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml
from support.cli_runner import run
from support.facts import assert_facts

from emo2vec_plugins import Dialogue, Emotion, Engine, LabelMap, Options, Plugins, ScoredTurn, Turn
from emo2vec_plugins.core import Permissions
from emo2vec_plugins.errors import AudioError, Emo2vecError, NotAllowedError
from emo2vec_plugins.formats import read_dialogues, write_dialogues
from emo2vec_plugins.testing import FakeBackend

# pandas 3.1 deprecates an argument that audformat 1.4.3 uses to read its files.
pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning")

PLUGINS = Plugins(installed=False)

LOCATIONS = (
    "touch executed |",
    "| touch executed",
    "pipe:touch executed",
    "PIPE:touch executed",
    "$(touch executed).wav",
    "x;touch executed;.sph",
    "x';touch executed;'.opus",
    "file:///etc/hostname",
    "http://127.0.0.1:9/a.wav",
    "s3://bucket/a.wav",
    "concat:speech.wav|speech.wav",
)
"""Paths that some other tool executes, fetches or expands."""


@pytest.fixture(params=LOCATIONS)
def location(request):
    return request.param


def lines(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("there", [True, False])
def test_a_kaldi_folder_runs_nothing(marker, tmp_path, speech, location, there):
    if there and "/" not in location:
        Path(location).write_text("not audio")
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "wav.scp").write_text(f"good {speech}\nbad {location}\n")

    result = run("kaldi", folder, "--model", "fake")

    assert result.exit_code == 3
    assert (folder / "utt2emotion").read_text().split()[0] == "good"
    assert not marker.exists


def test_only_kaldi_runs_commands_and_only_if_allowed(marker, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "wav.scp").write_text(f"bad {marker.command} |\n")

    refused = run("kaldi", folder, "--model", "fake", "--allow", "urls", "--allow", "code")
    assert_facts(refused.stderr, folder / "wav.scp", "--allow commands")
    assert not marker.exists

    run("kaldi", folder, "-o", tmp_path / "out", "--model", "fake", "--allow", "commands")
    assert marker.exists


@pytest.mark.parametrize("ending", [".txt", ".jsonl", ".scp"])
def test_a_list_of_files_runs_nothing(marker, tmp_path, speech, location, ending):
    line = {
        ".txt": location,
        ".jsonl": json.dumps({"key": "bad", "source": location}),
        ".scp": f"bad {location}",
    }[ending]
    (tmp_path / f"list{ending}").write_text(f"{line}\n")

    result = run("score", tmp_path / f"list{ending}", speech, "--model", "fake", "--allow", "urls")

    assert result.exit_code in (1, 3)
    assert not marker.exists


def test_a_nemo_manifest_runs_nothing(marker, tmp_path, speech, location):
    bad = {"audio_filepath": location, "duration": 1.0}
    rttm = {"audio_filepath": str(speech), "rttm_filepath": location}
    good = {"audio_filepath": str(speech), "duration": 1.0}
    manifest = tmp_path / "manifest.json"
    manifest.write_text("".join(json.dumps(each) + "\n" for each in (bad, rttm, good)))

    result = run("nemo", manifest, "-o", tmp_path / "out.json", "--model", "fake")

    assert result.exit_code == 3
    first, second, third = lines(tmp_path / "out.json")
    assert first["emotion"] is None
    assert second["emotion_turns"] == []
    assert third["emotion"]
    assert not marker.exists


def test_a_dataset_runs_nothing(marker, speech, location):
    datasets = pytest.importorskip("datasets")
    from emo2vec_plugins.integrations.huggingface import annotate_dataset

    given = datasets.Dataset.from_dict({"audio": [location, str(speech)]})

    found = annotate_dataset(given, score=Engine(FakeBackend()))

    assert found["emotion"][0] is None
    assert found["emotion"][1]
    assert not marker.exists


@pytest.mark.parametrize("feature", ["Image", "Video", "Pdf", "Audio"])
@pytest.mark.parametrize("column", ["audio", "turns"])
def test_a_dataset_is_not_decoded_by_the_library_which_opens_urls(speech, feature, column):
    datasets = pytest.importorskip("datasets")
    pyarrow = pytest.importorskip("pyarrow")
    from emo2vec_plugins.integrations.huggingface import annotate_dataset

    location = {"bytes": None, "path": "http://127.0.0.1:9/a.png"}
    cells = {"audio": {"bytes": None, "path": str(speech)}, column: location}
    features = {"audio": datasets.Audio(), column: getattr(datasets, feature)()}
    schema = datasets.Features(features).arrow_schema
    given = datasets.Dataset(pyarrow.table({k: [v] for k, v in cells.items()}, schema=schema))

    turns = "turns" if column == "turns" else None
    found = annotate_dataset(given, score=Engine(FakeBackend()), turns=turns)

    assert "http://127.0.0.1:9/a.png" in str(found.with_format("arrow")[0]["emotion_reason"])


def test_a_table_of_audformat_runs_nothing(marker, tmp_path, location):
    audformat = pytest.importorskip("audformat")
    from emo2vec_plugins.integrations.audformat import annotate_table

    database = audformat.Database("db")
    index = audformat.segmented_index([location], ["0s"], [None])
    database["files"] = audformat.Table(index)

    found = annotate_table(database, "files", score=Engine(FakeBackend()), root=tmp_path)

    assert found["emotion_reason"].get().iloc[0]
    assert not marker.exists


def test_pickled_tables_of_audformat_are_not_read(marker, tmp_path):
    audformat = pytest.importorskip("audformat")
    from emo2vec_plugins.integrations.audformat import annotate_table, from_database

    database = audformat.Database("db")
    database["files"] = audformat.Table(audformat.filewise_index(["speech.wav"]))
    database.save(tmp_path / "db")
    marker.pickle(tmp_path / "db" / "db.files.pkl")
    lazy = audformat.Database.load(tmp_path / "db", load_data=False)

    with pytest.raises(NotAllowedError, match="pickles"):
        from_database(lazy, "files")
    with pytest.raises(NotAllowedError, match="--allow pickles"):
        annotate_table(lazy, "files", score=Engine(FakeBackend()))

    assert not marker.exists


def test_pickled_labels_of_audformat_are_not_read(marker, tmp_path):
    """The labels of a scheme may be in a table of their own, which is loaded with the others."""
    audformat = pytest.importorskip("audformat")
    pandas = pytest.importorskip("pandas")
    from emo2vec_plugins.integrations.audformat import annotate_table, from_database

    database = audformat.Database("db")
    database["people"] = audformat.MiscTable(pandas.Index(["ann"], name="who", dtype="string"))
    database.schemes["speaker"] = audformat.Scheme("str", labels="people")
    database["files"] = audformat.Table(audformat.segmented_index(["speech.wav"], ["0s"], ["1s"]))
    database["files"]["speaker"] = audformat.Column(scheme_id="speaker")
    database["files"]["speaker"].set(["ann"])
    database.save(tmp_path / "db", storage_format="csv")
    marker.pickle(tmp_path / "db" / "db.people.pkl")
    lazy = audformat.Database.load(tmp_path / "db", load_data=False)

    with pytest.raises(NotAllowedError) as caught:
        from_database(lazy, "files")
    assert_facts(str(caught.value), "db.people.pkl", "--allow pickles")
    with pytest.raises(NotAllowedError, match="pickles"):
        annotate_table(lazy, "files", score=Engine(FakeBackend()))

    assert not marker.exists


def test_a_table_of_audformat_cannot_be_elsewhere(marker, tmp_path):
    audformat = pytest.importorskip("audformat")
    from emo2vec_plugins.integrations.audformat import from_database

    name = "x/../../evil"
    database = audformat.Database("db")
    database["files"] = audformat.Table(audformat.filewise_index(["speech.wav"]))
    database.save(tmp_path / "db")
    (tmp_path / "db" / "db.x").mkdir()
    marker.pickle(tmp_path / "evil.pkl")
    header = tmp_path / "db" / "db.yaml"
    header.write_text(header.read_text().replace("files:", f"{name}:"))
    lazy = audformat.Database.load(tmp_path / "db", load_data=False)

    with pytest.raises(Emo2vecError, match="name"):
        from_database(lazy, name)

    assert not marker.exists


@pytest.fixture
def results(tmp_path, location):
    turn = ScoredTurn(turn=Turn(start=0.0, end=1.0), emotion=Emotion(label="sad", score=0.5))
    path = tmp_path / "meeting.emotions.jsonl"
    write_dialogues(
        [Dialogue(recording="meeting", turns=(turn,), audio=location)], path, plugins=PLUGINS
    )
    return path


@pytest.mark.parametrize("there", [True, False])
def test_a_report_runs_nothing(marker, tmp_path, results, location, there):
    if there and "/" not in location:
        Path(location).write_text("not audio")

    run("report", results, "-o", tmp_path / "page.html")

    assert not marker.exists


@pytest.mark.parametrize("there", [True, False])
def test_corrected_cuts_run_nothing(marker, results, location, there):
    """Lhotse would put the name of a .sph file into a shell command to read its header."""
    from emo2vec_plugins.review import compare, corrected_cut

    if there and "/" not in location:
        Path(location).write_text("not audio")
    dialogues = read_dialogues(results, plugins=PLUGINS)
    [reviewed] = compare(dialogues, dialogues)

    with pytest.raises(AudioError):
        corrected_cut(reviewed)

    assert not marker.exists


def test_corrected_cuts_stay_in_the_root(tmp_path, speech):
    from emo2vec_plugins.review import compare, corrected_cut

    (tmp_path / "root").mkdir()
    turn = ScoredTurn(turn=Turn(start=0.0, end=1.0), emotion=Emotion(label="sad", score=0.5))
    dialogues = [Dialogue(recording="meeting", turns=(turn,), audio=str(speech))]
    [reviewed] = compare(dialogues, dialogues)

    with pytest.raises(AudioError, match="--root"):
        corrected_cut(reviewed, permissions=Permissions(root=tmp_path / "root"))


def test_an_emobox_folder_runs_nothing(marker, tmp_path, location):
    fold = tmp_path / "box" / "fold_1"
    fold.mkdir(parents=True)
    clip = {"key": "k", "wav": location, "emo": "sad", "length": 1.0, "sample_rate": 16_000}
    (fold / "box_test_fold_1.jsonl").write_text(json.dumps(clip) + "\n")
    (tmp_path / "audio").mkdir()
    if "/" not in location:
        (tmp_path / "audio" / location).write_text("not audio")

    run(
        *("evaluate", tmp_path / "box", "--audio-root", tmp_path / "audio"),
        *("--model", "fake", "--skip-missing"),
    )

    assert not marker.exists


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_named_pipe_in_an_emobox_folder_does_not_block(tmp_path):
    fold = tmp_path / "box" / "fold_1"
    fold.mkdir(parents=True)
    os.mkfifo(fold / "box_test_fold_1.jsonl")

    result = run("evaluate", tmp_path / "box", "--audio-root", tmp_path, "--model", "fake")

    assert result.exit_code == 1
    assert_facts(result.stderr, fold)


@pytest.mark.parametrize("name", ["labels.yaml", "labels.json"])
def test_a_label_map_is_plain_data(marker, tmp_path, name):
    with pytest.raises(Emo2vecError, match="labels"):
        LabelMap.read(marker.yaml(tmp_path / name))

    assert not marker.exists


def test_a_recipe_is_plain_data(marker, tmp_path):
    from emo2vec_plugins.training.recipe import read_recipe

    with pytest.raises(Emo2vecError, match="recipe"):
        read_recipe(marker.yaml(tmp_path / "recipe.yaml"))
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump({"network": "x.yaml", "code": "evil.py"}))
    with pytest.raises(Emo2vecError, match="code"):
        read_recipe(tmp_path / "recipe.yaml")

    assert not marker.exists


def test_a_checkpoint_of_training_is_not_unpickled(marker, tmp_path):
    from emo2vec_plugins.models import read_state

    for write in (marker.torch, marker.pickle):
        with pytest.raises(Emo2vecError, match="state"):
            read_state(write(tmp_path / "state.pt"))

    assert not marker.exists


def test_embeddings_of_a_bundle_are_not_unpickled(marker, tmp_path):
    import numpy as np

    from emo2vec_plugins.formats import read_bundle

    turn = ScoredTurn(turn=Turn(start=0.0, end=1.0), emotion=Emotion(label="sad", score=0.5))
    write_dialogues(
        [Dialogue(recording="meeting", turns=(turn,))],
        tmp_path / "meeting.emotions.jsonl",
        plugins=PLUGINS,
    )
    evil = np.array([marker.pickle(tmp_path / "x.pkl").read_bytes()], dtype=object)
    np.savez(tmp_path / "meeting.embeddings.npz", embedding=evil, allow_pickle=True)

    with pytest.raises(Emo2vecError):
        read_bundle(tmp_path, "meeting")

    assert not marker.exists


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("command", ["score", "nemo", "kaldi"])
def test_a_named_pipe_does_not_block(tmp_path, command):
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "list.txt").write_text("pipe.wav\n")
    line = {"audio_filepath": "pipe.wav", "duration": 1.0}
    both = line | {"rttm_filepath": "pipe.wav"}
    (tmp_path / "m.json").write_text(json.dumps(line) + "\n" + json.dumps(both) + "\n")
    (tmp_path / "wav.scp").write_text(f"bad {tmp_path / 'pipe.wav'}\n")
    arguments = {
        "score": [tmp_path / "list.txt"],
        "nemo": [tmp_path / "m.json", "-o", tmp_path / "out.json"],
        "kaldi": [tmp_path, "-o", tmp_path / "out"],
    }

    result = run(command, *arguments[command], "--model", "fake")

    assert result.exit_code == 3


def test_options_are_checked(tmp_path):
    for wrong in ({"allow": ("comands",)}, {"allow": (1,)}, {"root": tmp_path / "gone"}):
        with pytest.raises(Emo2vecError):
            Options(**wrong)

    result = run("score", "a.wav", "--model", "fake", "--root", tmp_path / "gone")
    assert_facts(result.stderr, tmp_path / "gone")
    assert run("score", "a.wav", "--model", "fake", "--allow", "all").exit_code == 2


def test_a_report_stays_in_the_root(tmp_path, speech):
    (tmp_path / "root").mkdir()
    turn = ScoredTurn(turn=Turn(start=0.0, end=1.0), emotion=Emotion(label="sad", score=0.5))
    path = tmp_path / "meeting.emotions.jsonl"
    dialogue = Dialogue(recording="meeting", turns=(turn,), audio=str(speech))
    write_dialogues([dialogue], path, plugins=PLUGINS)

    result = run("report", path, "-o", tmp_path / "page.html", "--root", tmp_path / "root")

    assert_facts(result.stderr, speech, "--root", "--audio")
    assert "UklGR" not in (tmp_path / "page.html").read_text("utf-8")


@pytest.mark.parametrize("command", ["score", "rttm"])
def test_files_outside_of_the_root_get_a_reason(tmp_path, speech, command):
    (tmp_path / "root").mkdir()
    (tmp_path / "speech.rttm").write_text("SPEAKER speech 1 0.0 1.0 <NA> <NA> A <NA> <NA>\n")
    more = ["--rttm", tmp_path / "speech.rttm", "-o", tmp_path / "out"]

    result = run(
        *(command, speech, "--model", "fake", "--root", tmp_path / "root"),
        *(more if command == "rttm" else []),
    )

    assert result.exit_code == 3
    assert_facts(result.stderr, speech, "--root", tmp_path / "root")
