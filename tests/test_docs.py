"""The pages keep their word: their code runs, and they speak of all there is."""

from __future__ import annotations

import doctest
import re
import shlex
import shutil
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import click
import pytest
from support.paths import ROOT

import emo2vec_plugins
from emo2vec_plugins import errors
from emo2vec_plugins.cli import main
from emo2vec_plugins.testing import sample_conversation

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]

BLOCK = re.compile(
    r"^(?:<!-- not run: (?P<reason>[^\n]+) -->\n+)?```(?P<language>\w+)\n(?P<code>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


def blocks(page: Path, *languages: str) -> Iterator[tuple[str, int, str]]:
    """Yield the language, line and code of each block that is to run."""
    text = page.read_text("utf-8")
    for match in BLOCK.finditer(text):
        if match["language"] in languages and match["reason"] is None:
            yield match["language"], text.count("\n", 0, match.start("code")), match["code"]


def run(page: Path) -> int:
    """Run a page's Python in one namespace, lines numbered as in the page; say how many blocks."""
    namespace = {"__name__": "__main__"}
    count = 0
    for language, line, code in blocks(page, "python", "pycon"):
        count += 1
        if language == "python":
            exec(compile("\n" * line + code, str(page), "exec"), namespace)
        else:
            example = doctest.DocTestParser().get_doctest(code, namespace, page.name, page, line)
            outcome = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example)
            assert not outcome.failed, f"{page.name}: another result than the page says"
    return count


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A working folder with what the pages speak of: a meeting, its turns, its cuts."""
    from lhotse import CutSet, Recording, RecordingSet, SupervisionSet

    monkeypatch.chdir(tmp_path)
    audio, rttm = sample_conversation()
    shutil.copyfile(audio, "meeting.wav")
    Path("meeting.rttm").write_text(rttm.read_text("utf-8").replace(" sample ", " meeting "))
    CutSet.from_manifests(
        recordings=RecordingSet.from_recordings([Recording.from_file("meeting.wav")]),
        supervisions=SupervisionSet.from_rttm("meeting.rttm"),
    ).to_file("cuts.jsonl.gz")
    return tmp_path


# Other libraries warn when they are imported; a page that makes this one warn is wrong.
@pytest.mark.filterwarnings("ignore", "error::emo2vec_plugins.errors.Emo2vecWarning")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_shows_runs(page, desk):
    run(page)


def test_a_page_that_shows_an_error_or_another_result_fails(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```python\nx = 1\n```\n\n```python\nassert x == 2\n```\n")
    with pytest.raises(AssertionError) as caught:
        run(page)
    assert caught.traceback[-1].lineno == 5
    page.write_text("```pycon\n>>> 1 + 1\n3\n```\n")
    with pytest.raises(AssertionError, match="another result"):
        run(page)


def test_only_blocks_that_say_why_are_not_run(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "<!-- not run: needs a hub -->\n```python\n1 / 0\n```\n\n```python\nx = 1\n```\n"
        "\n<!-- not run: needs it, too -->\n```python\n1 / 0\n```\n"
    )
    assert run(page) == 1


def test_the_two_commands_of_the_readme_are_the_first_of_their_kind():
    """CI runs them as they stand, in a fresh checkout."""
    (_, _, demo), (_, _, tests), *_ = blocks(ROOT / "README.md", "sh")

    assert re.search(r"pip install '\.\[all\]'.*emo2vec demo$", demo.strip())
    assert re.search(r"pip install '\.\[test\]'.*pytest$", tests.strip())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_on_a_page_are_understood(page):
    """Parsed, not run: most need a model or a recording that is not here."""
    lines = "".join(code for _, _, code in blocks(page, "bash", "console")).splitlines()
    commands = [shlex.split(line, comments=True) for line in lines if "emo2vec " in line]

    for words in commands:
        while "emo2vec" in words:
            words = words[words.index("emo2vec") + 1 :]
            name, *arguments = takewhile(lambda word: word not in {"|", ">", "&&"}, words)
            command = main.get_command(click.Context(main), name)
            assert command is not None, f"there is no command {name!r}"
            command.make_context(name, arguments)


def test_every_page_is_in_the_table_of_contents():
    contents = re.findall(r"```\{toctree\}\n(.*?)```", (DOCS / "index.md").read_text("utf-8"), re.S)
    listed = [line for block in contents for line in block.splitlines() if line and line[0] != ":"]

    assert sorted(listed) == sorted(page.stem for page in DOCS.glob("*.md") if page.stem != "index")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page):
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8"))

    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("name", [n for n in emo2vec_plugins.__all__ if not n.startswith("__")])
def test_a_public_name_is_on_the_page_of_the_interface(name):
    assert f"`{name}`" in (DOCS / "api.md").read_text("utf-8")


@pytest.mark.parametrize(
    "name", [name for name, value in vars(errors).items() if isinstance(value, type)]
)
def test_an_error_is_on_the_page_of_the_interface(name):
    assert f"`{name}`" in (DOCS / "api.md").read_text("utf-8")
