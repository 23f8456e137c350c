"""Journals: records with checksums, and lines that are finished one by one."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import dataclass

import pytest
from support.facts import assert_facts

from emo2vec_plugins.errors import Emo2vecWarning, OverwriteError, ResumeError
from emo2vec_plugins.files import (
    Finished,
    Journal,
    Unfinished,
    differences,
    disk,
    paired,
    set_read_limit,
)
from emo2vec_plugins.files.journal import checksum_of


@dataclass
class Item:
    text: str

    @property
    def digest(self):
        return checksum_of(self.text.encode())


def records(journal):
    return [place.record for place in journal.records()]


@pytest.fixture
def journal(tmp_path):
    journal = Journal(tmp_path / "journal")
    journal.write({"a": 1})
    for number in range(3):
        journal.append({"number": number})
    return journal


def test_records_are_read_back(journal):
    assert journal.head() == {"a": 1}
    assert records(journal) == [{"number": 0}, {"number": 1}, {"number": 2}]


def test_an_incomplete_record_is_dropped(journal):
    data = journal.path.read_bytes()

    journal.path.write_bytes(data[:-1])

    assert records(journal) == [{"number": 0}, {"number": 1}]


@pytest.mark.parametrize("bit", range(8))
def test_a_flipped_bit_ends_the_valid_records(journal, bit):
    data = journal.path.read_bytes()
    ends = [place.end for place in journal.records()]
    head = len(data.partition(b"\n")[0]) + 1
    for position in range(len(data)):
        changed = bytearray(data)
        changed[position] ^= 1 << bit
        journal.path.write_bytes(changed)

        intact = sum(end <= position for end in ends)
        assert records(journal) == [{"number": number} for number in range(intact)]
        assert (journal.head() is None) == (position < head)


def test_the_limit_on_documents_does_not_hold_for_records(journal):
    set_read_limit(100)
    journal.append({"text": "a" * 10_000})
    journal.append({"number": 4})

    assert [*map(len, records(journal))] == [1, 1, 1, 1, 1]
    assert len(records(journal)[3]["text"]) == 10_000


def test_a_record_that_could_not_be_read_back_is_refused(journal, monkeypatch):
    monkeypatch.setattr("emo2vec_plugins.files.journal.MOST_BYTES", 1000)
    before = journal.path.read_bytes()

    for write in (journal.append, journal.write):
        with pytest.raises(ResumeError) as caught:
            write({"text": "a" * 1000})

        assert_facts(str(caught.value), journal.path, 1000)
        assert journal.path.read_bytes() == before


def test_any_text_is_read_back(journal):
    journal.append({"text": "ä\n\ud800\u2028😀"})

    assert records(journal)[-1] == {"text": "ä\n\ud800\u2028😀"}


def test_a_huge_file_is_not_read_as_a_whole(journal):
    end = [*journal.places()][-1].end
    os.truncate(journal.path, 1 << 40)

    assert len(records(journal)) == 3
    assert journal.is_damaged(beyond=end)
    assert journal.is_damaged(beyond=0)


@pytest.mark.skipif(sys.platform == "win32", reason="needs pipes and links")
@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
@pytest.mark.parametrize("which", [0, 1])
def test_what_is_no_regular_file_is_not_read(kind, which, tmp_path):
    run = Unfinished(tmp_path / "out")
    run.start({})
    run.add(Item("a").digest, b"aaa", "a")
    run.commit({})
    path = run.paths[which]
    path.rename(tmp_path / "precious")
    make = {"link": lambda: path.symlink_to(tmp_path / "precious"), "pipe": lambda: os.mkfifo(path)}
    make.get(kind, path.mkdir)()

    with pytest.raises(OverwriteError) as caught:
        run.resume({})

    assert_facts(str(caught.value), path, "remove")
    assert (tmp_path / "precious").stat().st_size


@pytest.mark.skipif(sys.platform == "win32", reason="needs pipes")
def test_a_journal_is_not_written_into_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "journal")

    with pytest.raises(OverwriteError) as caught:
        Journal(tmp_path / "journal").write({})

    assert_facts(str(caught.value), tmp_path / "journal")


def test_long_texts_in_notes_are_shortened(tmp_path):
    run = Unfinished(tmp_path / "out")
    run.start({})
    for text in "abc":
        run.add(Item(text).digest, b"line", {text: [text * 1_000_000, 1]})
    run.commit({})

    notes = [line.note for line in run.finished()]

    assert [{name: note[name][0][0] for name in note} for note in notes] == [
        {text: text} for text in "abc"
    ]
    assert run.paths[1].stat().st_size < 10_000


def test_lines_are_matched_with_their_items():
    finished = [Finished(Item(text).digest, n, 1, text) for n, text in enumerate("abacd")]

    def found(items):
        return [line and line.start for _, line in paired(map(Item, items), iter(finished))]

    assert found("abacd") == [0, 1, 2, 3, 4]
    assert found("abac") == [0, 1, 2, 3]
    assert found("abacde") == [0, 1, 2, 3, 4, None]
    assert found("abXacd") == [0, 1, None, 2, 3, 4]
    assert found("bcd") == [1, 3, 4]
    assert found("dcaaab") == [4, 3, 0, 2, None, 1]


def test_lines_are_finished_in_steps_and_read_in_any_order(tmp_path):
    run = Unfinished(tmp_path / "out")
    run.start({})
    for text in "abc":
        run.add(Item(text).digest, text.encode() * 3, text)
        run.commit({"done": text})
    run.add(Item("d").digest, b"lost", "d")

    again = Unfinished(tmp_path / "out")
    state = again.resume({})

    assert state == {"done": "c"}
    lines = list(again.finished())
    assert [line.note for line in lines] == ["a", "b", "c"]
    assert [*again.lines(reversed(lines))] == [b"ccc", b"bbb", b"aaa"]


def test_a_flipped_bit_in_a_line_is_found(tmp_path):
    run = Unfinished(tmp_path / "out")
    run.start({})
    for text in "abc":
        run.add(Item(text).digest, text.encode() * 3, text)
        run.commit({"done": text})
    run.paths[0].write_bytes(b"aaabcbccc")

    with pytest.warns(Emo2vecWarning, match=r"out\.part\.journal.* 1 steps"):
        state = run.resume({})

    assert state == {"done": "a"}
    assert run.paths[0].read_bytes() == b"aaa"


def test_differences_have_names_and_values():
    before = {"a": {"b": 1}, "c": 2, "input": {"x": 1, "y": 2}, "sha256": "ab" * 32}
    after = {"a": {"b": 3}, "c": 2, "d": None, "input": {"x": 3}, "sha256": "cd" * 32}

    nested, given, digest = differences(before, after).split("; ")

    assert all(fact in nested for fact in ("a.b", "1", "3"))
    assert "input" in given
    assert all(fact in digest for fact in ("sha256", "abababababab...", "cdcdcdcdcdcd..."))


HEAD = {"model": "tiny"}


@pytest.mark.parametrize(
    "foreign",
    [
        {"out.part.jsonl": "thesis\n"},
        {"out.part.journal": "diary of a summer\n" * 9},
        {"out.part.journal": "short"},
        {"out.part.jsonl": "thesis\n", "out.part.journal": ""},
    ],
)
def test_files_of_others_with_the_names_of_an_unfinished_run_survive(tmp_path, foreign):
    for name, text in foreign.items():
        (tmp_path / name).write_text(text)
    unfinished = Unfinished(tmp_path / "out")

    with pytest.raises(OverwriteError) as caught:
        unfinished.resume(HEAD)
    unfinished.remove()

    assert_facts(str(caught.value), *(tmp_path / name for name, text in foreign.items() if text))
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == foreign


@pytest.mark.parametrize("name", ["out.part.jsonl", "out.part.journal"])
def test_a_hard_link_in_place_of_our_own_file_is_refused(tmp_path, name):
    unfinished = Unfinished(tmp_path / "out")
    unfinished.start(HEAD)
    (tmp_path / "precious").write_text("data")
    (tmp_path / name).unlink()
    (tmp_path / name).hardlink_to(tmp_path / "precious")

    with pytest.raises(OverwriteError, match=name):
        unfinished.resume(HEAD)
    unfinished.remove()

    assert (tmp_path / "precious").read_text() == (tmp_path / name).read_text() == "data"


@pytest.mark.parametrize("length", [0, 10, 40])
def test_a_torn_first_record_starts_again(tmp_path, length):
    unfinished = Unfinished(tmp_path / "out")
    unfinished.start(HEAD)
    os.truncate(tmp_path / "out.part.journal", length)

    with pytest.warns(Emo2vecWarning, match="starts again"):
        assert unfinished.resume(HEAD) is None
    unfinished.start(HEAD)
    assert unfinished.head() == HEAD
    unfinished.remove()

    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("operation", ["unlink", "truncate"])
@pytest.mark.parametrize("at", [0, 1])
def test_a_run_that_was_killed_while_it_removed_its_files_can_start(
    tmp_path, operation, at, monkeypatch
):
    unfinished, whole, done = Unfinished(tmp_path / "out"), getattr(disk, operation), []
    unfinished.start(HEAD)
    unfinished.add("digest", b"line\n", None)
    unfinished.commit({})

    def killed(path, *rest):
        if len(done) == at:
            raise KeyboardInterrupt
        done.append(path)
        whole(path, *rest)

    with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
        patch.setattr(disk, operation, killed)
        unfinished.remove()

    if Unfinished(tmp_path / "out").resume(HEAD) is None:
        unfinished.start(HEAD)
    unfinished.remove()
    assert not any(tmp_path.iterdir())
