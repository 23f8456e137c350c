"""The one policy: what is allowed, which locations need it, and which files may be read."""

from __future__ import annotations

import os
import pickle

import pytest
from support.facts import assert_facts

from emo2vec_plugins import Emo2vecError, Options
from emo2vec_plugins.core.permissions import KINDS, Permissions, kind_of_location
from emo2vec_plugins.errors import NotAllowedError, OptionsError


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_allowed_by_default(kind):
    others = tuple(each for each in KINDS if each != kind)

    for allow in ((), others):
        with pytest.raises(NotAllowedError) as caught:
            Permissions(allow=allow).check(kind, "the thing 'x'", where="a.jsonl, line 3")
        facts = ("a.jsonl, line 3", "the thing 'x'", f"--allow {kind}", f'allow=("{kind}",)')
        assert_facts(str(caught.value), *facts)
        assert isinstance(caught.value, Emo2vecError)
        assert isinstance(caught.value, PermissionError)

    Permissions(allow=(kind,)).check(kind, "the thing 'x'")


@pytest.mark.parametrize("allow", [["urls"], "urls", ("urls",)])
def test_names_may_be_given_in_any_form(allow):
    Permissions(allow=allow).check("urls", "a URL")
    assert Options(allow=allow).permissions.allow == ("urls",)


@pytest.mark.parametrize("allow", [("comands",), ("all",), (None,), (1,), "", ("urls", "")])
def test_unknown_names_are_refused(allow):
    with pytest.raises(OptionsError) as caught:
        Options(allow=allow)

    assert_facts(str(caught.value), *KINDS)


def test_a_close_name_is_suggested():
    with pytest.raises(OptionsError, match="did you mean 'commands'"):
        Permissions(allow=("comands",))


@pytest.mark.parametrize(
    ("location", "kind"),
    [
        *(("cat a.wav |", "commands"), ("| cat", "commands"), ("pipe:cat a.wav", "commands")),
        *((" PIPE:cat", "commands"), ("cat a.wav | \n", "commands")),
        *(("http://h/a.wav", "urls"), ("HTTPS://h/a", "urls"), ("s3://b/a.wav", "urls")),
        *(("file:///a.wav", "urls"), ("file:a.wav", "urls"), ("data:audio/wav;base64,", "urls")),
        *(("hf+x-1.0://a", "urls"), ("a.wav", None), ("/a/b c.wav", None), ("C:\\a.wav", None)),
        *(("12:30.wav", None), ("a:b.wav", None), ("-", None), ("", None)),
    ],
)
def test_what_a_location_needs(location, kind):
    assert kind_of_location(location) == kind


def test_the_root_is_checked_after_links(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    for folder in (root, tmp_path):
        (folder / "a.wav").touch()
    (root / "link.wav").symlink_to(tmp_path / "a.wav")
    (tmp_path / "into.wav").symlink_to(root / "a.wav")
    (tmp_path / "root2").mkdir()
    (tmp_path / "root2" / "a.wav").touch()
    permissions = Permissions(root=root)

    permissions.check_file(root / "a.wav")
    permissions.check_file(root / ".." / "root" / "a.wav")
    permissions.check_file(tmp_path / "into.wav")
    for outside in (
        tmp_path / "a.wav",
        root / "link.wav",
        root / ".." / "a.wav",
        tmp_path / "root2" / "a.wav",
        "/etc/hostname",
    ):
        with pytest.raises(NotAllowedError) as caught:
            permissions.check_file(outside)
        assert_facts(str(caught.value), outside, root, "--root")


def test_a_root_that_is_a_link_is_followed(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.wav").touch()
    (tmp_path / "root").symlink_to(tmp_path / "real")

    Permissions(root=tmp_path / "root").check_file(tmp_path / "real" / "a.wav")


def test_a_loop_of_links_is_outside(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")

    with pytest.raises(NotAllowedError):
        Permissions(root=tmp_path).check_file(tmp_path / "a")


def test_a_root_must_be_a_folder(tmp_path):
    (tmp_path / "file").touch()

    for root in (tmp_path / "gone", tmp_path / "file"):
        with pytest.raises(OptionsError, match=root.name):
            Options(root=root)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipes_and_devices_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")

    for path in (tmp_path / "pipe", tmp_path / "link", "/dev/zero"):
        with pytest.raises(NotAllowedError) as caught:
            Permissions().check_file(path)
        assert_facts(str(caught.value), path)


def test_files_that_do_not_exist_are_reported_by_their_reader(tmp_path):
    for path in (tmp_path / "gone", "x" * 5000, "a\0b", ""):
        Permissions().check_file(path)


def test_permissions_go_to_other_processes(tmp_path):
    options = Options(allow=("urls",), root=tmp_path)

    assert pickle.loads(pickle.dumps(options)).permissions == options.permissions
