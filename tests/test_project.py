"""The files around the package: changelog, citation, issue forms, container, continuous integration."""

from __future__ import annotations

import re

import pytest
import yaml
from packaging.version import Version
from support.paths import ROOT

from emo2vec_plugins._version import __version__

URL = "https://github.com/emo2vec-plugins/emo2vec_plugins"
FORMS = [
    path
    for path in sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
    if path.name != "config.yml"
]


def text(name):
    return (ROOT / name).read_text("utf-8")


def test_releases_are_dated_and_this_version_is_the_last_or_the_next():
    headings = re.findall(r"^## (.*)$", text("CHANGELOG.md"), re.M)
    released = [each for each in headings if each != "Unreleased"]

    assert all(re.fullmatch(r"\d+\.\d+\.\d+ - \d{4}-\d\d-\d\d", each) for each in released)
    last = Version(released[0].split(" - ")[0])
    if "Unreleased" in headings:
        assert Version(__version__).is_devrelease
        assert Version(__version__) > last
    else:
        assert Version(__version__) == last


def test_the_citation_is_of_the_last_release():
    cited = yaml.safe_load(text("CITATION.cff"))
    version, date = re.findall(r"^## (\S+) - (\S+)$", text("CHANGELOG.md"), re.M)[0]

    assert {"cff-version", "message", "title", "authors"} <= cited.keys()
    assert (str(cited["version"]), str(cited["date-released"])) == (version, date)
    assert cited["repository-code"] == URL


def test_there_are_issue_forms():
    assert {"bug.yml", "feature.yml"} <= {path.name for path in FORMS}


@pytest.mark.parametrize("form", FORMS, ids=lambda path: path.name)
def test_an_issue_form_has_what_hosts_require(form):
    document = yaml.safe_load(form.read_text("utf-8"))

    assert {"name", "description", "body"} <= document.keys()
    ids = [field["id"] for field in document["body"]]
    assert len(set(ids)) == len(ids) > 0
    assert all(field["attributes"]["label"] for field in document["body"])


def test_continuous_integration_runs_the_complete_check():
    jobs = yaml.safe_load(text(".github/workflows/ci.yml"))["jobs"].values()

    assert any({"run": ".ci/run"} in job["steps"] for job in jobs)
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o100


def test_the_container_copies_files_that_exist():
    copied = [
        name
        for line in re.findall(r"^COPY (.*)$", text("Dockerfile"), re.M)
        for name in line.split()[:-1]
    ]
    sent = re.findall(r"^!(.*)$", text(".dockerignore"), re.M)

    assert copied
    assert sorted(copied) == sorted(sent)
    assert all((ROOT / name).exists() for name in copied)


@pytest.mark.parametrize(
    "name", ["CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md", "README.md"]
)
def test_links_between_files_exist(name):
    links = re.findall(r"\]\(([^)#\s]+)", text(name))
    inside = [link.removeprefix(f"{URL}/blob/main/") for link in links]
    local = [link for link in inside if "://" not in link]

    assert links
    assert [link for link in local if not (ROOT / link).exists()] == []


def test_the_repository_has_one_address():
    pages = [*ROOT.glob("*.md"), *ROOT.glob("*.cff"), *ROOT.glob("docs/**/*.md"), *FORMS]
    addresses = {
        match
        for page in [*pages, ROOT / "pyproject.toml", ROOT / "docs" / "conf.py"]
        for match in re.findall(
            r"github\.com/([\w-]*emo2vec[\w-]*/[\w-]+)", page.read_text("utf-8")
        )
    }

    assert addresses == {"emo2vec-plugins/emo2vec_plugins"}
