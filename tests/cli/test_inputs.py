"""Files, folders and lists of files, and the keys that their results get."""

from __future__ import annotations

import io
import json
import re

import pytest
from support.facts import assert_facts
from support.paths import ROOT

from emo2vec_plugins.audio import READABLE_SUFFIXES
from emo2vec_plugins.errors import FormatError, OptionsError
from emo2vec_plugins.integrations import read_inputs


def keys(arguments):
    return [each.key for each in read_inputs(map(str, arguments))]


def touch(folder, *names):
    paths = [folder / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return paths


def listed(folder, name, *lines):
    path = folder / name
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return path


def test_file_is_called_by_its_stem():
    (found,) = read_inputs(["some/where/a.b.wav"])

    assert (found.key, found.source) == ("a.b", "some/where/a.b.wav")


def test_folder_gives_its_audio_in_depth_and_sorted(tmp_path):
    touch(tmp_path, "b.wav", "a/z.FLAC", "notes.md")

    assert keys([tmp_path]) == ["z", "b"]


def test_folder_gives_what_looks_like_audio_but_cannot_be_read(tmp_path):
    touch(tmp_path, "a.m4a", "b.MP4", "c.wav", "d.jpg")
    (tmp_path / "e.wav").symlink_to("gone.wav")
    (tmp_path / "f.wav").mkdir()

    assert keys([tmp_path]) == ["a", "b", "c", "e"]


def test_the_manual_lists_the_suffixes():
    page = (ROOT / "docs/cli.md").read_text("utf-8")
    listed = page[page.index("`.aif`") :].partition(". ")[0]

    assert set(re.findall(r"`(\.\w+)`", listed)) == READABLE_SUFFIXES


def test_folder_without_audio_is_refused(tmp_path):
    with pytest.raises(OptionsError, match="no audio files"):
        read_inputs([str(tmp_path)])


@pytest.mark.parametrize("name", ["files.txt", "files.list", "files.LST"])
def test_list_is_one_path_a_line(tmp_path, name):
    files = listed(tmp_path, name, "/x/a b.wav", "", "/x/c.wav")

    assert [each.source for each in read_inputs([str(files)])] == ["/x/a b.wav", "/x/c.wav"]


def test_list_comes_from_stdin():
    found = read_inputs(["-"], stdin=io.BytesIO(b"/x/a.wav\n/x/b.wav\n"))

    assert [each.key for each in found] == ["a", "b"]


def test_paths_of_a_list_may_be_relative_to_it(tmp_path):
    touch(tmp_path, "audio/a.wav")
    files = listed(tmp_path, "files.txt", "audio/a.wav")

    assert read_inputs([str(files)])[0].source == str(tmp_path / "audio/a.wav")


def test_scp_names_its_keys(tmp_path):
    scp = listed(tmp_path, "wav.scp", "utt-1 /x/a b.wav", "utt-2\t/x/c.wav")

    assert [(each.key, each.source) for each in read_inputs([str(scp)])] == [
        ("utt-1", "/x/a b.wav"),
        ("utt-2", "/x/c.wav"),
    ]


def test_pipe_in_an_scp_is_refused_and_never_run(tmp_path):
    trap = tmp_path / "trap"
    scp = listed(tmp_path, "wav.scp", "one /x/a.wav", f"two touch {trap} |")

    with pytest.raises(FormatError, match=r"wav\.scp: line 2: .*'two'.* pipe"):
        read_inputs([str(scp)])
    assert not trap.exists()


def test_scp_line_without_a_path_is_refused(tmp_path):
    scp = listed(tmp_path, "wav.scp", "alone")

    with pytest.raises(FormatError, match=r"wav\.scp: line 1: expected 'KEY PATH', found 'alone'"):
        read_inputs([str(scp)])


def test_json_lines_name_source_and_key(tmp_path):
    lines = [{"key": "k", "source": "/x/a.wav"}, {"source": "/x/b.wav"}]
    files = listed(tmp_path, "files.jsonl", *map(json.dumps, lines))

    assert keys([files]) == ["k", "b"]


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"key": "k"}', '{"source": 5}', '{"key": [], "source": "a"}', "[" * 9999]
)
def test_other_json_lines_are_refused(tmp_path, line):
    files = listed(tmp_path, "files.jsonl", line)

    with pytest.raises(FormatError, match=r"files\.jsonl: line 1: "):
        read_inputs([str(files)])


def test_list_in_another_encoding_is_refused(tmp_path):
    files = tmp_path / "files.txt"
    files.write_bytes(b"/x/\xff.wav\n")

    with pytest.raises(FormatError, match="UTF-8"):
        read_inputs([str(files)])


def test_missing_list_is_an_error():
    with pytest.raises(FileNotFoundError):
        read_inputs(["nowhere.scp"])


def test_files_of_one_name_are_told_apart_by_their_folders():
    assert keys(["/x/one/a.wav", "/x/two/a.wav", "/x/two/b.wav"]) == ["one/a", "two/a", "b"]


def test_paths_with_two_slashes_are_told_apart_by_their_folders():
    assert keys(["//x/one/a.wav", "/x/two/a.wav"]) == ["one/a", "two/a"]


def test_files_of_one_stem_are_told_apart_by_their_suffixes():
    assert keys(["/x/a.wav", "/x/a.flac"]) == ["a.wav", "a.flac"]


def test_same_file_twice_keeps_its_key():
    assert keys(["/x/a.wav", "/x/a.wav"]) == ["a", "a"]


def test_two_files_with_one_given_key_are_refused(tmp_path):
    scp = listed(tmp_path, "wav.scp", "k /x/a.wav", "k /x/b.wav")

    with pytest.raises(FormatError, match=r"wav\.scp: line 2: key 'k' .*wav\.scp: line 1"):
        read_inputs([str(scp)])


def test_two_files_with_one_given_key_in_two_lists_are_refused(tmp_path):
    one, other = (listed(tmp_path, f"{n}.scp", f"k /x/{n}.wav") for n in "ab")

    with pytest.raises(OptionsError, match=r"'k': .*a\.scp: line 1: /x/a.wav and .*b\.scp: line 1"):
        read_inputs([str(one), str(other)])


def test_bad_lines_of_a_list_may_be_left_out(tmp_path):
    scp = tmp_path / "wav.scp"
    scp.write_bytes(
        b"a /x/a.wav\nalone\nb /x/b.wav\nc \xff\na /x/c.wav\na /x/a.wav\nd " + b"x" * 9999
    )
    bad: list[str] = []

    found = read_inputs([str(scp)], bad=bad)

    assert [each.key for each in found] == ["a", "b", "a", "d"]
    assert [each.partition(": line ")[2][0] for each in bad] == ["2", "4", "5"]
    with pytest.raises(FormatError, match=r"wav\.scp: line 2: "):
        read_inputs([str(scp)])


def test_the_lines_around_a_line_that_is_too_long_are_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("EMO2VEC_READ_LIMIT", "100")
    files = listed(tmp_path, "files.txt", "/x/a.wav", "b" * 101, "/x/c.wav")
    bad: list[str] = []

    assert [each.key for each in read_inputs([str(files)], bad=bad)] == ["a", "c"]
    assert_facts(bad[0], "files.txt: line 2", "--read-limit")


def test_a_list_without_a_valid_line_is_refused(tmp_path):
    scp = listed(tmp_path, "wav.scp", "alone", "b")

    with pytest.raises(FormatError, match=r"wav\.scp: line 1: "):
        read_inputs([str(scp)], bad=[])
