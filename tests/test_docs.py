"""The documentation: its code runs, its links lead somewhere, and nothing public is missing."""

from __future__ import annotations

import doctest
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from urllib.parse import unquote

import click
import pytest
from support.paths import ROOT

import emo2vec_plugins
from emo2vec_plugins import Plugins, cli, errors
from emo2vec_plugins.cli import main
from emo2vec_plugins.testing import sample_conversation

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
API = sorted(DOCS.glob("api/*.md"))
PROJECT = ROOT / "pyproject.toml"
PACKAGE = Path(emo2vec_plugins.__file__).parent

REPOSITORY = "https://github.com/emo2vec-plugins/emo2vec_plugins"
RAW = "https://raw.githubusercontent.com/emo2vec-plugins/emo2vec_plugins"

BLOCK = re.compile(
    r"^(?:<!-- not run: (?P<reason>[^\n]+) -->\n+)?```(?P<language>\w+)\n(?P<code>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


def blocks(page: Path, *languages: str) -> Iterator[tuple[str, int, str]]:
    """Yield the language, line number and code of each block without a reason not to run."""
    text = page.read_text("utf-8")
    for match in BLOCK.finditer(text):
        if match["language"] in languages and match["reason"] is None:
            yield match["language"], text.count("\n", 0, match.start("code")), match["code"]


def run(page: Path) -> int:
    """Run a page's Python in one namespace, with the page's line numbers; return how many blocks."""
    namespace = {"__name__": "__main__"}
    count = 0
    for language, line, code in blocks(page, "python", "pycon"):
        count += 1
        if language == "python":
            exec(compile("\n" * line + code, str(page), "exec"), namespace)
        else:
            example = doctest.DocTestParser().get_doctest(code, namespace, page.name, page, line)
            outcome = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example)
            assert not outcome.failed, f"{page.name}: the result differs from the page"
    return count


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A working folder with the files that the pages use: a meeting, its turns, its cuts."""
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


# Other libraries warn when they are imported. Our own warnings mean that the page is wrong.
@pytest.mark.filterwarnings("ignore", "error::emo2vec_plugins.errors.Emo2vecWarning")
@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=page.name, marks=[pytest.mark.slow] * (page.name == "graphs.md"))
        for page in PAGES
    ],
)
def test_the_python_on_a_page_runs(page, desk):
    run(page)


def test_a_page_that_shows_an_error_or_another_result_fails(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```python\nx = 1\n```\n\n```python\nassert x == 2\n```\n")
    with pytest.raises(AssertionError) as caught:
        run(page)
    assert caught.traceback[-1].lineno == 5
    page.write_text("```pycon\n>>> 1 + 1\n3\n```\n")
    with pytest.raises(AssertionError, match="differs"):
        run(page)


def test_a_block_with_a_reason_is_not_run(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "<!-- not run: needs a hub -->\n```python\n1 / 0\n```\n\n```python\nx = 1\n```\n"
        "\n<!-- not run: needs it, too -->\n```python\n1 / 0\n```\n"
    )
    assert run(page) == 1


def test_the_two_commands_of_the_readme_are_the_first_of_their_kind():
    """CI runs them as they stand, in a fresh checkout."""
    (_, _, demo), (_, _, tests), *_ = blocks(ROOT / "README.md", "sh")

    assert re.search(r"pip install \. .*emo2vec demo$", demo.strip())
    assert re.search(r"pip install '\.\[test\]'.*pytest -n 2 --dist loadfile$", tests.strip())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_on_a_page_parse(page):
    """They are not run, because most need a large model or a recording."""
    lines = "".join(code for _, _, code in blocks(page, "bash", "console")).splitlines()
    commands = [_words(line) for line in lines if "emo2vec " in line]

    for words in commands:
        while "emo2vec" in words:
            words = words[words.index("emo2vec") + 1 :]
            name, *arguments = takewhile(lambda word: word not in {"|", ">", "&&", ";"}, words)
            command = main.get_command(click.Context(main), name)
            assert command is not None, f"there is no command {name!r}"
            command.make_context(name, arguments)


def _words(line: str) -> list[str]:
    """Split a shell command into words; operators such as ``;`` are words, too."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    return list(lexer)


def test_every_page_is_in_the_table_of_contents():
    listed = ["index"]
    for page in DOCS.rglob("*.md"):
        for block in re.findall(r"```\{toctree\}\n(.*?)```", page.read_text("utf-8"), re.S):
            listed += [line for line in block.splitlines() if line and line[0] != ":"]

    assert sorted(listed) == sorted(
        page.relative_to(DOCS).with_suffix("").as_posix() for page in DOCS.rglob("*.md")
    )


@pytest.mark.parametrize("page", [*PAGES, *API], ids=lambda page: page.stem)
def test_relative_links_lead_to_files(page):
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8"))

    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("path", [*PAGES, *API, PROJECT], ids=lambda path: path.name)
def test_links_into_the_repository_lead_to_files(path):
    targets = re.findall(
        rf"{REPOSITORY}/(?:blob|tree|raw)/main/([^\s)>\"'#]+)", path.read_text("utf-8")
    )

    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_the_readme_has_no_relative_link_on_a_package_index():
    """The build applies these substitutions to the README, with the same function."""
    tomllib = pytest.importorskip("tomllib", reason="Python 3.10 has no tomllib")
    hook = tomllib.loads(PROJECT.read_text("utf-8"))["tool"]["hatch"]["metadata"]["hooks"]
    text = (ROOT / "README.md").read_text("utf-8")
    for each in hook["fancy-pypi-readme"]["substitutions"]:
        text = re.sub(each["pattern"], each["replacement"], text)
    links = re.findall(r"\]\(([^)]*)|(?:src|href)=\"([^\"]*)|^\[[^\]]+\]: (\S+)", text, re.M)
    targets = ["".join(link) for link in links]
    within = [re.fullmatch(rf"(?:{REPOSITORY}/blob|{RAW})/main/([^#]*).*", url) for url in targets]

    assert [url for url in targets if not url.startswith("https://")] == []
    assert [url[1] for url in within if url and not (ROOT / url[1]).exists()] == []


def test_the_diagram_of_the_architecture_is_up_to_date(tmp_path):
    """If not, run ``python docs/architecture.py``."""
    draw = runpy.run_path(str(DOCS / "architecture.py"))["main"]

    draw(tmp_path / "architecture.svg")

    drawn = (tmp_path / "architecture.svg").read_text("utf-8")
    assert drawn == (DOCS / "architecture.svg").read_text("utf-8")


def test_the_diagram_has_every_package_and_no_needless_arrow(tmp_path):
    text = (DOCS / "architecture.svg").read_text("utf-8")
    arrows = {tuple(found) for found in re.findall(r"<title>(\S+) imports (\S+)</title>", text)}
    boxes = set(re.findall(r'class="name">([^<]+)<', text))
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}

    assert boxes == folders | {"errors", "testing", "integrations/*"}
    assert ("cli", "report") in arrows
    assert ("cli", "core") not in arrows


@pytest.mark.parametrize("name", [n for n in emo2vec_plugins.__all__ if not n.startswith("__")])
def test_a_public_name_is_on_the_page_of_the_interface(name):
    assert f"`{name}`" in (DOCS / "api.md").read_text("utf-8")


@pytest.mark.parametrize("name", cli.__all__)
def test_a_public_name_of_the_commands_is_on_their_page(name):
    page = (DOCS / "api" / "cli.md").read_text("utf-8")

    assert re.search(rf"^\.\. (autofunction|autoclass|py:data):: {name}$", page, re.M)


def commands(command=main, path=("emo2vec",)):
    """Yield the path and the command of every built-in command and subcommand."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command, obj=Plugins(installed=False))
        for name in command.list_commands(context):
            yield from commands(command.get_command(context, name), (*path, name))


def test_every_command_has_its_options_on_the_page_of_the_command_line():
    page = (DOCS / "cli.md").read_text("utf-8")

    for path, _ in commands():
        if len(path) == 2:
            assert (
                f"click:: commands:{path[1].replace('-', '_')}\n   :prog: {' '.join(path)}\n"
                in page
            )


# The HTML.


@pytest.fixture(scope="module")
def html(tmp_path_factory):
    """The pages as HTML, built with warnings as errors."""
    for library in ("furo", "myst_parser", "sphinx_click"):
        pytest.importorskip(library, reason="needs the extra docs")
    out = tmp_path_factory.mktemp("html")
    options = ("-q", "-W", "--keep-going", "-b", "html", "-d", str(out / ".doctrees"))
    command = [sys.executable, "-m", "sphinx", *options, str(DOCS), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out


@pytest.mark.slow
def test_every_command_and_every_option_is_on_the_page_of_the_command_line(html):
    text = (html / "cli.html").read_text("utf-8")
    anchors = set(re.findall(r'id="([^"]+)"', text))

    for path, command in commands():
        assert "-".join(path) in anchors
        for option in command.params:
            names = [*option.opts, *option.secondary_opts]
            for name in names if isinstance(option, click.Option) else ():
                assert f"cmdoption-{'-'.join(path)}-{name.lstrip('-')}" in anchors
                assert f">{name}<" in text


@pytest.mark.slow
def test_every_error_is_documented(html):
    text = (html / "api" / "errors.html").read_text("utf-8")
    names = {name for name, value in vars(errors).items() if isinstance(value, type)}

    assert names <= set(re.findall(r'id="emo2vec_plugins\.errors\.(\w+)"', text))


@pytest.mark.slow
def test_links_in_the_html_lead_to_files(html):
    for page in html.rglob("*.html"):
        links = re.findall(r'(?:href|src)="(?!\w+:|#|//)([^"#?]+)', page.read_text("utf-8"))

        assert [link for link in set(links) if not (page.parent / unquote(link)).exists()] == []
