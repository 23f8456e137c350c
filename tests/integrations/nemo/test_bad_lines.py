"""Lines of NeMo manifests that cannot be used."""

from __future__ import annotations

import gzip
import json

import pytest
from support.facts import assert_facts

from emo2vec_plugins.errors import FormatError, OptionsError
from emo2vec_plugins.integrations.nemo import annotate_nemo, read_manifest

BAD = [
    b"{",
    b"[1, 2]",
    b"null",
    b'"text"',
    b'{"text": "\xff"}',
    b'{"audio_filepath": "a.wav", "shard_id": 0}',
    b'{"audio_filepath": "", "shard_id": 0}',
    b'{"audio_filepath": "' + b"A" * 5000 + b'", "shard_id": 0}',
    b'{"duration": ' + b"9" * 5000 + b"}",
    b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
]


@pytest.fixture
def manifest(tmp_path, write, noise):
    """Write a manifest of two good lines with others between them; return its path."""
    write("talk.wav", noise(32_000), 16_000)
    good = json.dumps({"audio_filepath": "talk.wav", "offset": 0.5, "duration": 1.0}).encode()

    def make(*bad, name="manifest.json"):
        path = tmp_path / name
        path.write_bytes(b"\n".join([good, *bad, good]) + b"\n")
        return path

    return make


def labels(path):
    return [json.loads(line).get("emotion") for line in path.read_text().splitlines()]


@pytest.mark.parametrize("line", BAD, ids=range(len(BAD)))
def test_a_bad_line_is_written_unchanged_and_named(manifest, engine, line):
    path = manifest(line)
    out = path.with_name("out.json")

    summary = annotate_nemo(path, out, score=engine)

    first, same, last = out.read_bytes().splitlines()
    assert same == line
    assert b'"emotion": "' in first
    assert b'"emotion": "' in last
    assert (summary.lines, summary.bad) == (2, 1)
    assert_facts(summary.bad_items[0], path, "line 2")
    assert len(summary.bad_items[0]) < 500


def test_bad_lines_may_be_left_out(manifest, engine):
    path = manifest(*BAD)
    out = path.with_name("out.json")

    summary = annotate_nemo(path, out, score=engine, bad_items="drop")

    assert len(labels(out)) == 2
    assert summary.bad == len(BAD)


def test_a_bad_line_may_stop_the_run_before_anything_is_scored(manifest, engine):
    path = manifest(b"{")
    out = path.with_name("out.json")

    with pytest.raises(FormatError) as caught:
        annotate_nemo(path, out, score=engine, bad_items="stop")

    assert_facts(str(caught.value), path, "line 2")
    assert engine.backend.batches == []
    assert not out.exists()


def test_another_choice_is_rejected(manifest, engine):
    with pytest.raises(OptionsError, match="ignore"):
        annotate_nemo(manifest(), "out.json", score=engine, bad_items="ignore")


def test_a_file_of_another_kind_is_rejected_as_a_whole(tmp_path, engine):
    path = tmp_path / "manifest.json"
    path.write_bytes(b"start,end\n0.0,1.0\n")

    with pytest.raises(FormatError) as caught:
        annotate_nemo(path, tmp_path / "out.json", score=engine)

    assert_facts(str(caught.value), path, "line 1")
    assert not (tmp_path / "out.json").exists()


def test_lines_before_the_damage_of_an_archive_are_scored(manifest, engine):
    path = manifest(*[f'{{"text": "{k}"}}'.encode() for k in range(2000)])
    packed = path.with_name("manifest.json.gz")
    packed.write_bytes(gzip.compress(path.read_bytes())[:-500])
    out = path.with_name("out.json.gz")

    summary = annotate_nemo(packed, out, score=engine)

    lines = gzip.decompress(out.read_bytes()).splitlines()
    assert json.loads(lines[0])["emotion"] is not None
    assert len(lines) == summary.lines > 10
    assert_facts(summary.bad_items[0], packed, f"line {summary.lines + 1}")


def test_reading_a_bad_line_is_an_error_after_those_before_it(manifest):
    lines = read_manifest(manifest(b"{"))

    assert next(lines).number == 1
    with pytest.raises(FormatError, match="line 2"):
        next(lines)


def test_a_name_that_is_too_long_is_a_short_reason(manifest, engine):
    path = manifest(json.dumps({"audio_filepath": "A" * 100_000, "duration": 1.0}).encode())

    summary = annotate_nemo(path, path.with_name("out.json"), score=engine)

    assert summary.failed == 1
    assert_facts(summary.failures[0], "line 2", "audio_filepath", "AAA")
    assert len(summary.failures[0]) < 500


@pytest.mark.parametrize("name", [r"\ud800.wav", r"a\u0000.wav"])
def test_a_name_that_no_file_has_is_named_in_the_reason(manifest, engine, name):
    path = manifest(f'{{"audio_filepath": "{name}", "duration": 1.0}}'.encode())

    summary = annotate_nemo(path, path.with_name("out.json"), score=engine)

    assert_facts(summary.failures[0], "line 2", "audio_filepath", name[:2])
