"""No command writes over its inputs, files of others, or files that a person has edited."""

from __future__ import annotations

import subprocess
import sys
from itertools import permutations
from pathlib import Path

import click
import pytest
from support.cli_runner import run
from support.cli_tree import COMMANDS, OUTPUTS
from support.facts import assert_facts
from support.paths import names_in

from emo2vec_plugins.cli.files import FileName, OutputName
from emo2vec_plugins.files import write_whole

PRECIOUS = "written by a person"


FILES = [(words, each) for words, each in OUTPUTS if each.type.kind not in ("folder", "store")]
PAIRS = [
    (words, read, written)
    for words, written in FILES
    for read in COMMANDS[words].params
    if type(read.type) is FileName and read.metavar != "DIR"
]


def named(case):
    words, *several = case
    return "-".join((*words, *(each.name for each in several)))


def replaces_files(words):
    return any(each.name == "replace_files" for each in COMMANDS[words].params)


def line(words, given, folder):
    """Return a command line with *given* values by parameter name, and values for what is required."""
    arguments, options = [], []
    for each in COMMANDS[words].params:
        value = given.get(each.name)
        if value is None and not each.required:
            continue
        if value is None and isinstance(each.type, click.Choice):
            value = each.type.choices[0]
        if value is None:
            value = folder / f"{each.name}-{'in' if type(each.type) is FileName else 'new'}"
            if type(each.type) is FileName:
                value.write_text("{}\n")
        if isinstance(each, click.Argument):
            arguments.append(value)
        else:
            options += [each.opts[-1], value]
    if words == ("bench",):  # which has no inputs that could be missing
        options += ["--subject", "nothing"]
    if "embeddings" in {each.name for each in COMMANDS[words].params} and "store" in given:
        options.append("--embeddings")
    return [*words, *map(str, options), "--", *map(str, arguments)]


def file_for(parameter, folder):
    """Return a path whose suffix the output allows."""
    return folder / f"precious{(*parameter.type._suffixes, '.jsonl')[0]}"


def test_there_are_commands_to_test():
    assert len(COMMANDS) > 18
    assert len(OUTPUTS) > 20
    assert len(PAIRS) > 20


@pytest.mark.parametrize(("words", "command"), COMMANDS.items(), ids=map("-".join, COMMANDS))
def test_an_option_that_names_a_file_says_whether_it_is_read_or_written(words, command):
    for each in command.params:
        if {"-o", "--output", "--report", "--picture", "--store", "--scores"} & {*each.opts}:
            assert isinstance(each.type, OutputName), each.opts
        metavar = each.metavar or ""
        if any(word in metavar for word in ("FILE", "DIR", "PATH", "OUT", "CUTS", "AUDIO")):
            assert isinstance(each.type, FileName), each.opts
        written = (getattr(each, "help", None) or "").lower()
        if isinstance(each, click.Option) and written.startswith(("write all", "file to", "where")):
            assert isinstance(each.type, OutputName), each.opts


@pytest.mark.parametrize("case", FILES, ids=named)
def test_a_file_of_others_is_refused_before_anything_is_read(case, tmp_path):
    words, output = case
    path = file_for(output, tmp_path)
    path.write_text(PRECIOUS)

    result = run(*line(words, {output.name: path}, tmp_path))

    assert result.exit_code == 1, result.output
    assert_facts(result.stderr, path, "--overwrite" if replaces_files(words) else "remove")
    assert path.read_text() == PRECIOUS


@pytest.mark.parametrize("case", FILES, ids=named)
def test_an_edited_file_of_ours_is_refused(case, tmp_path):
    words, output = case
    path = file_for(output, tmp_path)
    write_whole(path, "ours")
    path.write_text(PRECIOUS)

    result = run(*line(words, {output.name: path}, tmp_path))

    assert result.exit_code == 1, result.output
    assert_facts(result.stderr, path, "changed")
    assert path.read_text() == PRECIOUS


@pytest.mark.parametrize("case", FILES, ids=named)
def test_our_own_unchanged_file_is_no_obstacle(case, tmp_path):
    words, output = case
    path = file_for(output, tmp_path)
    write_whole(path, "ours")

    result = run(*line(words, {output.name: path}, tmp_path))

    # The command fails, because its inputs are not real, but not because of the output.
    assert result.exit_code != 0
    assert path.name not in result.stderr or "emo2vec.json" in result.stderr, result.stderr


@pytest.mark.parametrize("case", PAIRS, ids=named)
@pytest.mark.parametrize("how", ["same", "link", "hard link"])
def test_an_input_is_never_an_output(case, how, tmp_path):
    words, read, written = case
    path = source = file_for(written, tmp_path)
    if how != "same":
        source = tmp_path / "source"
    source.write_text(PRECIOUS)
    if how == "link":
        path.symlink_to(source)
    elif how == "hard link":
        path.hardlink_to(source)

    arguments = line(words, {written.name: path, read.name: source}, tmp_path)
    if replaces_files(words):
        arguments.insert(len(words), "--overwrite")
    result = run(*arguments)

    assert result.exit_code == 1, result.output
    assert_facts(result.stderr, path, "input")
    assert source.read_text() == PRECIOUS


@pytest.mark.parametrize("case", OUTPUTS, ids=named)
@pytest.mark.parametrize("name", ["-", "", "/", "."])
def test_a_name_that_cannot_be_a_file_is_wrong_usage(case, name, tmp_path, monkeypatch):
    words, output = case
    monkeypatch.chdir(tmp_path)
    allowed = name == "-" and output.type._stdout
    if allowed or (name in ("/", ".") and output.type.kind in ("folder", "any")):
        return

    result = run(*line(words, {output.name: name}, tmp_path))

    assert result.exit_code == 2, result.output
    assert not (tmp_path / "-").exists()


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["rttm", "--help"], ["models"]])
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_stdout_is_reported_in_one_line(words):
    command = [sys.executable, "-m", "emo2vec_plugins", *words]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr.splitlines() == ["emo2vec: error: No space left on device"]


SEVERAL = [
    (words, *two)
    for words in COMMANDS
    for two in permutations([each for owner, each in OUTPUTS if owner == words], 2)
]
"""Commands with two outputs, and both of them in either order."""


def test_there_are_commands_with_several_outputs():
    assert {words for words, *_ in SEVERAL} >= {("score",), ("cuts",), ("evaluate",), ("bench",)}


@pytest.mark.parametrize("case", SEVERAL, ids=named)
@pytest.mark.parametrize("where", ["", "x/..", "link"])
def test_two_outputs_are_two_files(case, where, tmp_path):
    words, one, other = case
    (tmp_path / "x").mkdir()
    (tmp_path / "link").symlink_to(tmp_path)
    name = file_for(one if one.type._suffixes else other, tmp_path).name
    given = {one.name: tmp_path / name, other.name: tmp_path / where / name}

    result = run(*line(words, given, tmp_path))

    assert result.exit_code == 2, result.output
    assert_facts(result.stderr, name)
    assert_facts(result.stderr, "beside")
    assert {each for each in names_in(tmp_path) if not each.endswith("-in")} == {"link", "x"}


@pytest.mark.parametrize("case", SEVERAL, ids=named)
def test_no_output_is_inside_another_that_is_written_as_a_whole(case, tmp_path):
    words, one, other = case
    outer = file_for(one, tmp_path)
    inner = outer / file_for(other, tmp_path).name
    given = {one.name: outer, other.name: inner}

    result = run(*line(words, given, tmp_path))

    assert not outer.is_file()
    assert not inner.exists()
    if one.type.kind == "folder":  # filled with files: another file may be among them
        return
    assert result.exit_code == 2, result.output
    assert_facts(result.stderr, outer, inner)


@pytest.mark.parametrize("case", SEVERAL, ids=named)
@pytest.mark.parametrize(
    "ending", [".part.jsonl", ".part.journal", ".lock", ".emo2vec.json", ".emo2vec.items"]
)
def test_no_output_has_a_name_that_another_one_needs(case, ending, tmp_path):
    words, one, other = case
    path = file_for(one, tmp_path)
    needed = path.with_name(path.name + ending)
    if one.type.kind == "folder" or not needed.name.endswith((*other.type._suffixes, "")):
        return

    result = run(*line(words, {one.name: path, other.name: needed}, tmp_path))

    assert result.exit_code == 2, result.output
    assert not needed.exists()


@pytest.mark.parametrize("key", ["talk", "sub/talk", "out.npy/talk"])
def test_lines_and_arrays_are_different_files(key, tmp_path, write, noise, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write("a.wav", noise(16_000), 16_000)
    Path("wav.scp").write_text(f"{key} a.wav\n")
    output = {"talk": "talk.npy", "sub/talk": "sub", "out.npy/talk": "out.npy"}[key]

    result = run("score", "wav.scp", "-m", "fake", "-o", output, "--embeddings", "--store", ".")

    assert result.exit_code == 1, result.output
    assert_facts(result.stderr, output, key)
    assert names_in(tmp_path) == ["a.wav", "wav.scp"]


@pytest.mark.parametrize("case", OUTPUTS, ids=named)
@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/stderr", "/dev/fd/1"])
def test_a_standard_stream_is_no_file(case, name, tmp_path):
    if not Path(name).exists():
        pytest.skip(f"needs {name}")
    words, output = case

    result = run(*line(words, {output.name: name}, tmp_path))

    assert result.exit_code == 2, result.output
    assert_facts(result.stderr, name)


def test_a_file_in_a_list_of_names_is_protected_too(tmp_path):
    sound = tmp_path / "a.wav"
    sound.write_text(PRECIOUS)

    result = run("convert", "--audio", f"meeting={sound}", "-o", sound, "--overwrite", "in")

    assert result.exit_code == 1
    assert_facts(result.stderr, sound, "input")


def test_a_device_can_be_an_output(tmp_path):
    if not Path("/dev/null").exists():
        pytest.skip("needs /dev/null")
    (tmp_path / "in.emotions.jsonl").write_text("")
    result = run("convert", tmp_path / "in.emotions.jsonl", "-o", "/dev/null", "--format", "rttm")

    assert "exists" not in result.stderr
