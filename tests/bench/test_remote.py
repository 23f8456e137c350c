"""Objects in separate processes."""

from __future__ import annotations

import pytest
from support.counter import Counter

from emo2vec_plugins.bench.remote import Remote
from emo2vec_plugins.errors import Emo2vecError


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log"


def test_an_object_keeps_its_state_and_prints_to_its_log(log, capfd):
    counter = Remote(Counter, 1, log=log)
    try:
        assert counter.call("add", 2) == 3
        assert counter.call("add", 4) == 7
        with pytest.raises(Emo2vecError, match="ValueError: a bug"):
            counter.call("fail")
        assert counter.call("add", 1) == 8
        with pytest.raises(Emo2vecError, match=r"signal 9 .*last words"):
            counter.call("die")
        with pytest.raises(Emo2vecError, match="signal 9"):
            counter.call("add", 1)
    finally:
        counter.close()

    assert "added" in log.read_text()
    assert capfd.readouterr() == ("", "")


def test_an_error_while_creating_the_object_is_raised_here(log):
    with pytest.raises(Emo2vecError, match="a start is positive"):
        Remote(Counter, -1, log=log)


def test_an_exit_status_is_reported(log):
    counter = Remote(Counter, 1, log=log)
    with pytest.raises(Emo2vecError, match=r"status 3; .*none"):
        counter.call("leave")
