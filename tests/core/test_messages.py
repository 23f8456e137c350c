"""Parts of messages: installing an extra, names that were probably meant, plurals."""

import json
import time
from types import ModuleType

import pytest

from emo2vec_plugins import core
from emo2vec_plugins.core import counted, did_you_mean, import_extra, messages, require_extra, shown
from emo2vec_plugins.core.messages import install_command
from emo2vec_plugins.errors import FormatError, MissingExtraError, ModelNotFoundError

NOTHING = object()
"""In place of a record: the package comes from an index."""


@pytest.fixture
def installed_from(monkeypatch):
    """Return a function that sets what pip recorded of where the package came from."""

    class Installed:
        def __init__(self, origin):
            self.origin = origin

        def read_text(self, name):
            assert name == "direct_url.json"
            return None if self.origin is NOTHING else json.dumps(self.origin)

    def install(origin):
        monkeypatch.setattr(messages, "distribution", lambda _: Installed(origin))

    return install


def test_a_library_that_is_installed_is_returned():
    assert isinstance(import_extra("fractions", extra="lhotse"), ModuleType)


def test_a_missing_library_is_named_with_its_extra_and_what_needs_it(installed_from):
    installed_from(NOTHING)

    with pytest.raises(MissingExtraError) as caught:
        import_extra("no_such", extra="table", purpose="Parquet", otherwise="use table.csv")

    for fact in ("Parquet", "no_such", 'pip install "emo2vec-plugins[table]"', "use table.csv"):
        assert fact in str(caught.value)


@pytest.mark.parametrize("module", ["no_such", "no_such.part", "json.no_such"])
def test_a_library_is_required_without_an_import(module):
    require_extra("fractions", extra="lhotse", purpose="this")

    with pytest.raises(MissingExtraError) as caught:
        require_extra(module, extra="table", purpose="Parquet")

    for fact in ("Parquet", module, "[table]"):
        assert fact in str(caught.value)


def test_from_a_checkout_the_command_names_the_checkout(installed_from, tmp_path):
    origin = {"url": tmp_path.as_uri(), "dir_info": {}}
    installed_from(origin)
    assert install_command("onnx") == f'pip install "{tmp_path}[onnx]"'

    installed_from({**origin, "dir_info": {"editable": True}})
    assert install_command("onnx") == f'pip install -e "{tmp_path}[onnx]"'


def test_a_checkout_that_is_gone_is_not_named(installed_from, tmp_path):
    installed_from({"url": (tmp_path / "gone").as_uri(), "dir_info": {}})

    assert install_command("onnx") == 'pip install ".[onnx]"'


@pytest.mark.parametrize("asked", [{"requested_revision": "v1"}, {}])
def test_from_a_repository_the_command_names_its_revision(installed_from, asked):
    vcs = {"vcs": "git", "commit_id": "abc", **asked}
    installed_from({"url": "https://host/repo.git", "vcs_info": vcs})
    revision = asked.get("requested_revision", "abc")

    wanted = f"emo2vec-plugins[onnx] @ git+https://host/repo.git@{revision}"
    assert install_command("onnx") == f'pip install "{wanted}"'


def test_from_a_wheel_the_command_names_the_wheel(installed_from):
    installed_from({"url": "file:///tmp/x.whl", "archive_info": {}})

    assert install_command("all") == 'pip install "emo2vec-plugins[all] @ file:///tmp/x.whl"'


@pytest.mark.parametrize(
    "url",
    [
        "https://user:SECRET@host/x.whl",
        "https://SECRET@host/x.whl",
        "https://host/x.whl?token=SECRET",
    ],
)
def test_credentials_are_not_shown(installed_from, url):
    installed_from({"url": url, "archive_info": {}})

    assert install_command("all") == 'pip install "emo2vec-plugins[all] @ https://host/x.whl"'


def test_the_user_git_of_ssh_is_kept(installed_from):
    vcs = {"vcs": "git", "commit_id": "abc"}
    installed_from({"url": "ssh://git@host/o/r.git", "vcs_info": vcs})

    assert "git+ssh://git@host/o/r.git@abc" in install_command("all")


@pytest.mark.parametrize(
    "origin",
    [
        *([], None, 3, "x", {}),
        {"url": "file:///x", "dir_info": None},
        {"url": "file:///x", "dir_info": []},
        {"url": "https://host/r.git", "vcs_info": {"vcs": "git"}},
        {"url": "file://[::1/x", "dir_info": {}},
        {"url": "https://host/$(id).whl", "archive_info": {}},
        {"url": "https://host/`id`.whl", "archive_info": {}},
        {"url": 'https://host/".whl', "archive_info": {}},
    ],
)
def test_a_record_that_cannot_be_used_is_ignored(installed_from, origin):
    installed_from(origin)

    assert install_command("all") == 'pip install "emo2vec-plugins[all]"'


def test_without_an_installation_the_command_is_that_of_an_index(monkeypatch):
    monkeypatch.setattr(messages, "PROJECT", "no-such-project")

    assert install_command("all") == 'pip install "no-such-project[all]"'


def test_a_close_name_is_suggested_and_a_distant_one_is_not():
    assert "'rttm'" in did_you_mean("rtm", ["rttm", "textgrid"])
    assert "'rttm'" in did_you_mean("RTTM", ["rttm", "textgrid"])
    assert did_you_mean("zzz", ["rttm", "textgrid"]) == ""


def test_formats_and_models_suggest_a_close_name():
    plugins = core.Plugins(installed=False)

    with pytest.raises(FormatError, match=r"'textgrit'.*'textgrid'"):
        plugins.format("textgrit")
    with pytest.raises(FormatError, match=r"'eaf'.*'elan' \(\.eaf\)"):
        plugins.format("eaf")
    with pytest.raises(FormatError, match=r"'both\.csv'.*'table\.csv' \(\.emotions\.csv\)"):
        plugins.format("both.csv")
    with pytest.raises(ModelNotFoundError, match="'emotion2vec_plus_large'"):
        core.load_model("emotion2vec_plus_larg", plugins=plugins)


@pytest.mark.parametrize(
    ("number", "shown"), [(0, "0 turns"), (1, "1 turn"), (2000, "2,000 turns")]
)
def test_a_number_has_a_noun_in_singular_or_plural(number, shown):
    assert counted(number, "turn") == shown


def nested(value, *, times):
    for _ in range(40):
        value = [value] * times
    return value


@pytest.mark.parametrize(
    "value",
    [
        "a" * 10**7,
        b"a" * 10**7,
        10**10_000,
        -(10**10_000),
        {"a" * 10**6: "b" * 10**6},
        nested(1, times=9),
        {n: n for n in range(10**5)},
        [{"a": {"b": {"c": {"d": 1}}}}] * 1000,
        {frozenset({10**5000})},
    ],
    ids=range(9),
)
def test_a_large_value_is_shown_in_part(value):
    begin = time.perf_counter()

    assert 5 < len(shown(value)) < 250
    assert time.perf_counter() - begin < 1


@pytest.mark.parametrize(
    "value", [None, True, -1, 1.5, "a'b", b"a", [1, {"a": (2,)}], {1}, "\ud800"]
)
def test_a_small_value_is_shown_as_a_whole(value):
    assert shown(value) == repr(value)
