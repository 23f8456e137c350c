"""Annotation of Kaldi data folders, and the result files."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import kaldiio
import numpy as np
import pytest
from support.kaldi import make_folder
from support.paths import contents_of, names_in

from emo2vec_plugins import Emotion, Engine, Options, Plugins, Recording, Turn, annotate, hookimpl
from emo2vec_plugins.errors import Emo2vecWarning, FormatError, OptionsError, OverwriteError
from emo2vec_plugins.formats.files import read_dialogues
from emo2vec_plugins.integrations.kaldi.files import by_bytes, read_channels, read_segments
from emo2vec_plugins.integrations.kaldi.folders import annotate_kaldi, read_kaldi
from emo2vec_plugins.testing import FakeBackend, check_session


@pytest.fixture
def folder(tmp_path, write, noise):
    return make_folder(tmp_path, write, noise)


def scored_alone(path, start, end, **more):
    """Score a part of a file by itself."""
    source = Recording(recording="x", audio=path, turns=[Turn(start=start, end=end, **more)])
    [dialogue] = annotate([source], score=Engine(FakeBackend()))
    return dialogue.turns[0].emotion


def lines(path):
    return dict(line.split(" ", 1) for line in path.read_text("utf-8").splitlines())


def one(folder, location, **files):
    """Make a folder of one recording, 'r', with other files as given."""
    (folder / "wav.scp").write_text(f"r {location}\n")
    for name in ("segments", "utt2spk"):
        (folder / name).unlink(missing_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


RUN = Options(allow=("commands",))


def reasons(folder, engine, **more):
    return lines(annotate_kaldi(folder, score=engine, **more).unscored)


def test_utterances_are_scored_and_sorted_by_name(folder, engine):
    results = annotate_kaldi(folder, score=engine)

    sounds = folder.parent
    expected = {
        "A-1": scored_alone(sounds / "a.wav", 0.25, 1.0),
        "A-2": scored_alone(sounds / "b.wav", 0.5, 2.0),
        "B-1": scored_alone(sounds / "b.wav", 0.0, 1.0),
    }
    assert results.labels == folder / "utt2emotion"
    assert results.labels.read_text() == "".join(
        f"{name} {emotion.label}\n" for name, emotion in expected.items()
    )
    assert results.scores.read_text() == "".join(
        f"{name} {emotion.score:.6f}\n" for name, emotion in expected.items()
    )
    assert results.unscored.read_text() == ""
    assert (results.scored, results.failed, results.embeddings) == (3, 0, None)
    assert names_in(folder) == [
        "segments",
        "utt2emotion",
        "utt2emotion_score",
        "utt2emotion_unscored",
        "utt2spk",
        "utterances.emotions.jsonl",
        "wav.scp",
    ]


def test_the_file_with_all_details_can_be_read(folder, engine):
    results = annotate_kaldi(folder, score=engine)

    first, second = read_dialogues(results.emotions_jsonl, plugins=Plugins(installed=False))

    assert (first.recording, second.recording) == ("r1", "r2")
    assert first.audio == str(folder.parent / "b.wav")
    assert [scored.turn for scored in first.turns] == [
        Turn(start=0.5, end=2.0, speaker="A"),
        Turn(start=0.0, end=1.0, speaker="B"),
    ]
    assert [scored.emotion.overlap_ratio for scored in first.turns] == pytest.approx([1 / 3, 0.5])
    assert '"utterance": "A-2"' in results.emotions_jsonl.read_text().splitlines()[0]


def test_a_folder_without_segments_has_an_utterance_for_each_recording(
    folder,
    engine,
):
    (folder / "segments").unlink()
    (folder / "utt2spk").write_text("r1 A\nr2 A\n")

    results = annotate_kaldi(folder, score=engine)

    assert lines(results.labels) == {
        "r1": scored_alone(folder.parent / "b.wav", 0, 2).label,
        "r2": scored_alone(folder.parent / "a.wav", 0, 1).label,
    }


def test_embeddings_are_written_as_a_kaldi_archive(folder, engine, tmp_path):
    out = tmp_path / "out"
    results = annotate_kaldi(folder, score=engine, out=out, options=Options(embeddings=True))

    index = kaldiio.load_scp(str(results.embeddings))
    archive = dict(kaldiio.load_ark(str(out / "emotion.ark")))

    source = Recording(recording="x", audio=tmp_path / "b.wav", turns=[Turn(start=0.5, end=2.0)])
    [dialogue] = annotate([source], score=engine, options=Options(embeddings=True))
    np.testing.assert_array_equal(index["A-2"], dialogue.turns[0].emotion.embedding)
    assert list(archive) == list(index) == ["A-1", "A-2", "B-1"]
    assert [vector.dtype for vector in archive.values()] == [np.float32] * 3
    assert not (folder / "utt2emotion").exists()


def test_archives_of_an_earlier_run_are_removed(folder, engine):
    annotate_kaldi(folder, score=engine, options=Options(embeddings=True))
    annotate_kaldi(folder, score=engine, options=Options(overwrite=True))

    assert not (folder / "emotion.scp").exists()
    assert not (folder / "emotion.ark").exists()


def test_unlabelled_utterances_are_in_a_separate_file(folder, engine):
    (folder / "segments").write_text(
        "A-1 r2 0.25 0.26\nA-2 r1 0.5 2.0\nB-1 r1 1.5 1.0\nB-2 gone 0 1\nB-3 r1 5 -1\n"
    )
    (folder / "utt2spk").unlink()

    results = annotate_kaldi(folder, score=engine)

    assert list(lines(results.labels)) == list(lines(results.scores)) == ["A-2"]
    found = lines(results.unscored)
    assert list(found) == ["A-1", "B-1", "B-2", "B-3"]
    assert found["A-1"].startswith("too short")
    assert "1.5 to 1.0" in found["B-1"]
    assert all(fact in found["B-2"] for fact in ("'gone'", "wav.scp"))
    assert (results.scored, results.failed) == (1, 4)
    # In the order of wav.scp, by recording.
    assert list(results.failures) == ["B-1", "B-3", "A-1", "B-2"]
    assert results.failures["B-2"] == found["B-2"]
    everything = read_dialogues(results.emotions_jsonl, plugins=Plugins(installed=False))
    assert [each.recording for each in everything] == ["r1", "r2", "gone"]


def test_keys_are_sorted_as_in_the_c_locale():
    assert sorted(["é", "a", "Z", "a-", "a0", "\U0001f642", "\uffff"], key=by_bytes) == [
        *("Z", "a", "a-", "a0", "é", "\uffff", "\U0001f642"),
    ]


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("sph2pipe -f wav a.sph |", "'sph2pipe -f wav a.sph |'"),
        ("data/raw.ark:25996", "data/raw.ark:25996"),
        ("-", "'-'"),
        ("gone.wav", "gone.wav"),
        ("x" * 5000, "x" * 5000),
    ],
)
def test_an_utterance_without_a_file_gets_a_reason(folder, engine, location, reason):
    assert reason in reasons(one(folder, location), engine)["r"]


def test_a_command_runs_only_on_request(folder, engine, tmp_path):
    one(folder, f"touch {tmp_path / 'ran'} |")

    assert "--allow commands" in reasons(folder, engine)["r"]
    assert not (tmp_path / "ran").exists()


def test_the_output_of_a_command_is_scored(folder, engine, tmp_path):
    one(folder, f"cat {tmp_path / 'b.wav'} | cat |", segments="u r 0.5 2.0\nv r 0 -1\n")

    results = annotate_kaldi(folder, score=engine, options=RUN)

    assert lines(results.labels) == {
        "u": scored_alone(tmp_path / "b.wav", 0.5, 2.0).label,
        "v": scored_alone(tmp_path / "b.wav", 0.0, 2.0).label,
    }
    assert lines(results.scores)["u"] == f"{scored_alone(tmp_path / 'b.wav', 0.5, 2.0).score:.6f}"


@pytest.mark.parametrize("length", [0x7FFFFFFF, 0xFFFFFFFF, 0x7FFFFFFF - 36, 0])
def test_a_stream_may_have_a_wrong_length(folder, engine, tmp_path, length):
    """SoX, FLAC and FFmpeg write these lengths to the header of a WAV stream in a pipe."""
    whole = bytearray((tmp_path / "b.wav").read_bytes())
    whole[4:8] = min(length + 36, 0xFFFFFFFF).to_bytes(4, "little")
    whole[40:44] = length.to_bytes(4, "little")
    (tmp_path / "stream.wav").write_bytes(whole)
    one(folder, f"cat {tmp_path / 'stream.wav'} |")

    found = annotate_kaldi(folder, score=engine, options=RUN)

    if length:
        assert lines(found.labels) == {"r": scored_alone(tmp_path / "b.wav", 0.0, 2.0).label}
    else:
        assert "r" in lines(found.unscored)


def test_a_failed_command_runs_once_and_gives_a_reason(folder, engine, tmp_path):
    command = f"echo x >> {tmp_path / 'runs'}; echo no such tape >&2; exit 7"
    one(folder, f"{command} |", segments="u r 0 1\nv r 1 2\n")

    found = reasons(folder, engine, options=RUN)

    assert "7: no such tape" in found["u"]
    assert found["u"] == found["v"]
    assert (tmp_path / "runs").read_text() == "x\n"


def test_paths_are_relative_to_the_working_directory_or_else_to_the_folder(
    folder,
    engine,
    tmp_path,
    monkeypatch,
):
    (tmp_path / "here").mkdir()
    shutil.copy(tmp_path / "a.wav", tmp_path / "here" / "x.wav")
    shutil.copy(tmp_path / "b.wav", folder / "x.wav")
    one(folder, "x.wav")

    monkeypatch.chdir(tmp_path)
    second = annotate_kaldi(folder, score=engine)
    assert lines(second.scores) == {"r": f"{scored_alone(tmp_path / 'b.wav', 0, 2).score:.6f}"}
    monkeypatch.chdir(tmp_path / "here")
    first = annotate_kaldi(folder, score=engine, options=Options(overwrite=True))
    assert lines(first.scores) == {"r": f"{scored_alone(tmp_path / 'a.wav', 0, 1).score:.6f}"}


def test_sides_of_a_conversation_are_channels_of_a_file(folder, engine, write, noise):
    path = write("stereo.wav", noise(16_000, channels=2), 16_000)
    (folder / "wav.scp").write_text(f"t-A {path}\nt-B {path}\nt-C {folder.parent / 'a.wav'}\n")
    (folder / "reco2file_and_channel").write_text("t-A t A\nt-B t B\nt-C u B\n")
    (folder / "segments").write_text("u1 t-A 0 1\nu2 t-B 0 1\nu3 t-B 0 1 0\nu4 t-C 0 1\n")
    (folder / "utt2spk").unlink()

    scores = lines(annotate_kaldi(folder, score=engine).scores)

    left, right = (scored_alone(path, 0, 1, channel=channel).score for channel in (0, 1))
    mono = scored_alone(folder.parent / "a.wav", 0, 1).score
    assert scores == {
        "u1": f"{left:.6f}",
        "u2": f"{right:.6f}",
        "u3": f"{left:.6f}",
        "u4": f"{mono:.6f}",
    }


def test_utterances_with_unknown_speakers_do_not_overlap(folder, engine):
    (folder / "utt2spk").write_text("A-1 A-1\nA-2 A-2\nB-1 B-1\n")

    results = annotate_kaldi(folder, score=engine)

    first, _ = read_dialogues(results.emotions_jsonl, plugins=Plugins(installed=False))
    assert [(s.turn.speaker, s.emotion.overlap_ratio) for s in first.turns] == [(None, None)] * 2


def test_utterances_without_audio_raise_a_warning(folder):
    (folder / "utt2spk").write_text("A-1 A\nC-1 C\nC-2 C\n")

    with pytest.warns(Emo2vecWarning, match=r"utt2spk .*C-1, C-2"):
        read_kaldi(folder)


def test_existing_results_are_replaced_only_on_request(folder, engine):
    (folder / "utt2emotion").write_text("A-1 joy\n")

    with pytest.raises(OverwriteError, match="utt2emotion"):
        annotate_kaldi(folder, score=engine)
    assert (folder / "utt2emotion").read_text() == "A-1 joy\n"
    assert annotate_kaldi(folder, score=engine, options=Options(overwrite=True)).scored == 3
    assert annotate_kaldi(folder, score=engine).scored == 3  # they are ours now


@pytest.mark.parametrize("more", [{"frames": True}, {"array_dtype": "float16"}])
def test_arrays_that_an_archive_cannot_store_are_rejected(folder, more):
    engine = Engine(FakeBackend(), granularity="frame")

    with pytest.raises(OptionsError, match="float32"):
        annotate_kaldi(folder, score=engine, options=Options(embeddings=True, **more))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("wav.scp", "r1\n", "line 1: .*'r1'"),
        ("wav.scp", "r1 a.wav\n\nr1 b.wav\n", "line 3: 'r1' .*line 1"),
        ("segments", "u r1 0\n", "line 1: .*'u r1 0'"),
        ("segments", "u r1 0 x\n", "line 1: .*'u r1 0 x'"),
        ("segments", "u r1 0 nan\n", "line 1: .*'u r1 0 nan'"),
        ("segments", "u r1 0 1 -2\n", "line 1: .*'u r1 0 1 -2'"),
        ("segments", "u r1 0 1\nu r1 1 2\n", "line 2: 'u' .*line 1"),
        ("utt2spk", "A-1 A B\n", "line 1: .*'A-1 A B'"),
        ("reco2file_and_channel", "r1 f C\n", "line 1: .*A or B.*'r1 f C'"),
    ],
)
def test_a_malformed_line_is_named(folder, name, text, message):
    (folder / name).write_text(text)

    with pytest.raises(FormatError, match=f"{name}: {message}"):
        read_kaldi(folder, bad_items="stop")


def test_a_folder_without_wav_scp_is_rejected(tmp_path):
    with pytest.raises(FormatError, match=rf"{tmp_path}: .*wav\.scp"):
        read_kaldi(tmp_path)


def test_tabs_blank_lines_and_windows_line_ends_are_read(tmp_path):
    (tmp_path / "segments").write_bytes(b"\xef\xbb\xbfu\tr  0\t1.5\r\n\r\nv r 1 -1 1\r\n")
    (tmp_path / "reco2file_and_channel").write_bytes(b"r f A\r\ns f 2\r\n")

    first, second = read_segments(tmp_path / "segments")

    assert (first.utterance, first.start, first.end, first.channel) == ("u", 0.0, 1.5, None)
    assert (second.utterance, second.start, second.end, second.channel) == ("v", 1.0, None, 1)
    assert read_channels(tmp_path / "reco2file_and_channel") == {"r": 0, "s": 1}


def test_a_recording_is_opened_with_its_utterances(folder):
    recording = read_kaldi(folder).recordings[0]
    session = Plugins(installed=False).open(recording, Options())

    assert [clip.turn.speaker for clip in session.clips()] == ["A", "B"]
    again = Plugins(installed=False).open(recording, Options())
    assert check_session(again).utterances == ("A-2", "B-1")


def test_a_recording_with_a_failed_plugin_does_not_stop_others(folder, engine):
    class Broken:
        @hookimpl
        def emo2vec_open(self, source, options):
            if source.recording == "r1":
                raise ValueError("not today")

    results = annotate_kaldi(folder, score=engine, plugins=Plugins([Broken()], installed=False))

    assert list(lines(results.labels)) == ["A-1"]
    assert "not today" in lines(results.unscored)["B-1"]


def test_a_label_of_two_words_is_rejected(folder):
    def score(items):
        for item in items:
            is_clip = hasattr(item, "turn")
            yield item, Emotion(label="very sad", score=1.0) if is_clip else None

    with pytest.raises(FormatError, match=r"utt2emotion.*'very sad'"):
        annotate_kaldi(folder, score=score)
    assert names_in(folder) == ["segments", "utt2spk", "wav.scp"]


def test_a_failed_run_does_not_change_earlier_results(folder, engine):
    annotate_kaldi(folder, score=engine)
    before = contents_of(folder)

    def broken(items):
        yield from list(engine(items))[:1]
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        annotate_kaldi(folder, score=broken, options=Options(overwrite=True))
    assert contents_of(folder) == before


def test_a_failure_while_writing_does_not_change_earlier_results(folder, engine):
    annotate_kaldi(folder, score=engine)
    before = contents_of(folder)

    def score(items):
        for item in items:
            is_clip = hasattr(item, "turn")
            yield item, Emotion(label="half\ud83d", score=1.0) if is_clip else None

    with pytest.raises(FormatError, match="surrogate"):
        annotate_kaldi(folder, score=score, options=Options(overwrite=True, embeddings=True))
    assert contents_of(folder) == before


def test_a_reason_is_written_in_one_line(folder):
    def score(items):
        for item in items:
            is_clip = hasattr(item, "turn")
            yield item, Emotion(reason="a\n b\tc \udce9") if is_clip else None

    results = annotate_kaldi(folder, score=score)

    assert lines(results.unscored)["A-1"] == "a b c \\udce9"


def test_lhotse_can_read_the_annotated_folder(folder, engine):
    annotate_kaldi(folder, score=engine, options=Options(embeddings=True))
    (folder / "text").write_text("A-1 yes\nA-2 no\nB-1 so\n")
    (folder / "reco2dur").write_text("r1 2.0\nr2 1.0\n")
    (folder / "segments").write_text("A-1 r2 0.25 1\nA-2 r1 0.5 2.0\nB-1 r1 0 1.0\n")

    from lhotse.kaldi import load_kaldi_data_dir

    recordings, supervisions, _ = load_kaldi_data_dir(folder, sampling_rate=16_000)

    assert sorted(recordings.ids) == ["r1", "r2"]
    assert sorted(each.id for each in supervisions) == ["A-1", "A-2", "B-1"]


def copied(source: Path, target: Path) -> Path:
    shutil.copytree(source, target, copy_function=shutil.copyfile)
    target.chmod(0o755)
    return target


@pytest.mark.parametrize("name", ["mini_librispeech", "mini_librispeech2"])
def test_lhotse_can_read_real_folders_after_annotation(shared, engine, tmp_path, name):
    data = copied(shared / "lhotse_fixtures" / name, tmp_path / name)

    results = annotate_kaldi(data, score=engine)

    utterances = list(lines(data / "utt2spk"))
    assert list(lines(results.unscored)) == utterances
    assert results.failed == len(utterances)
    from lhotse.kaldi import load_kaldi_data_dir

    _, supervisions, _ = load_kaldi_data_dir(data, sampling_rate=16_000)
    assert sorted(each.id for each in supervisions) == utterances


def test_a_real_folder_with_audio_is_scored(shared, engine, tmp_path):
    """Its commands create sines with SoX. Replace them with commands that write noise."""
    data = copied(shared / "lhotse_fixtures" / "mini_librispeech2", tmp_path / "data")
    maker = tmp_path / "synth.py"
    maker.write_text(
        "import sys, wave\n"
        "samples = int(sys.argv[1])\n"
        "with wave.open(sys.stdout.buffer, 'wb') as file:\n"
        "    file.setparams((1, 2, 16000, samples, 'NONE', ''))\n"
        "    file.writeframesraw(bytes(range(256)) * (samples // 128) + bytes(samples % 128 * 2))\n"
    )
    lengths = {name: round(float(end) * 16_000) for name, end in lines(data / "reco2dur").items()}
    (data / "wav.scp").write_text(
        "".join(f"{name} {sys.executable} {maker} {n} |\n" for name, n in lengths.items())
    )

    results = annotate_kaldi(data, score=engine, options=RUN)

    assert list(lines(results.labels)) == list(lengths)
    assert results.failed == 0


def test_the_order_is_that_of_the_sort_command(folder, engine):
    (folder / "segments").write_text(
        "".join(f"{name} r1 0 1\n" for name in ("b", "A", "a_1", "a-2", "é", "Z", "a1"))
    )
    (folder / "utt2spk").unlink()

    results = annotate_kaldi(folder, score=engine)

    for path in (results.labels, results.scores):
        checked = ["sort", "-c", "-u", "-k1,1", str(path)]
        subprocess.run(checked, check=True, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"})
