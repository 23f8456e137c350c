"""Recipes never guess: what is missing, unknown or damaged is named, with its file and line."""

from __future__ import annotations

import pytest
from support.corpora import CORPORA, TREES, main, put, sounds
from support.facts import assert_facts


@pytest.fixture
def error(capsys):
    """A function that returns the error of the command, which must leave no manifest."""

    def run(corpus, folder, *options, out="made.jsonl.gz") -> str:
        path = folder.parent / out
        with pytest.raises(SystemExit) as ended:
            main([corpus, str(folder), str(path), *options])
        assert (ended.value.code, path.exists()) == (1, False)
        return capsys.readouterr().err

    return run


@pytest.mark.parametrize("corpus", CORPORA)
def test_a_missing_folder_is_named(corpus, tmp_path, error):
    assert_facts(error(corpus, tmp_path / "none"), "error: ", tmp_path / "none", "no such folder")


@pytest.mark.parametrize("corpus", CORPORA)
def test_another_folder_is_described(corpus, tmp_path, error):
    put(tmp_path / "tree" / "notes.txt", "")

    assert_facts(error(corpus, tmp_path / "tree"), "expected", "'notes.txt'", "unpacked")


@pytest.mark.parametrize(
    ("corpus", "file"),
    [
        ("cremad", "SentenceFilenames.csv"),
        ("cremad", "VideoDemographics.csv"),
        ("cremad", "processedResults/tabulatedVotes.csv"),
        ("nemo", "data.tsv"),
        ("msp_podcast", "Labels/labels_consensus.csv"),
        ("msp_podcast", "Labels/labels_detailed.csv"),
        ("iemocap", "Session1/dialog/transcriptions/Ses01F_impro01.txt"),
        ("meld", "dev_sent_emo.csv"),
    ],
)
def test_a_missing_table_is_named(corpus, file, tmp_path, error):
    TREES[corpus](tmp_path / "tree")
    (tmp_path / "tree" / file).unlink()

    assert_facts(error(corpus, tmp_path / "tree"), "expected", file.rpartition("/")[2], "found")


@pytest.mark.parametrize(
    ("corpus", "sound", "facts"),
    [
        ("emodb", "wav/clip.wav", ["clip.wav", "03a01Fa.wav"]),
        ("emodb", "wav/07a01Fa.wav", ["07a01Fa.wav", "'07'", "03"]),
        ("emodb", "wav/03a03Fa.wav", ["03a03Fa.wav", "'a03'", "a01"]),
        ("emodb", "wav/03a01Xa.wav", ["03a01Xa.wav", "'X'", "W"]),
        ("ravdess", "Actor_01/03-01-09-01-01-01-01.wav", ["'09'", "01, 02"]),
        ("ravdess", "Actor_01/03-01-05-01.wav", ["03-01-05-01.wav", "03-01-05-01-01-01-01.wav"]),
        ("emogator", "data/mp3/000001-31-1.mp3", ["000001-31-1.mp3", "'31'"]),
        ("emogator", "data/mp3/laugh.mp3", ["laugh.mp3", "000001-02-1.mp3"]),
    ],
)
def test_an_unknown_name_of_a_file_is_explained(corpus, sound, facts, tmp_path, error):
    TREES[corpus](tmp_path / "tree")
    sounds(tmp_path / "tree", sound)

    assert_facts(error(corpus, tmp_path / "tree"), "expected", *facts)


EVALUATION = "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt"


@pytest.mark.parametrize(
    ("corpus", "file", "old", "new", "facts"),
    [
        ("cremad", "VideoDemographics.csv", '"Male"', '"male?"', ["'male?'", "Female"]),
        ("cremad", "VideoDemographics.csv", "1002,", "1003,", ["1002_IEO_HAP_HI", "'1002'"]),
        ("cremad", "VideoDemographics.csv", '"Sex"', '"Gender"', ["columns Sex", "'Gender'"]),
        ("cremad", "SentenceFilenames.csv", "_ANG_", "_JOY_", ["1001_DFA_JOY_XX", "'JOY'", "HAP"]),
        ("cremad", "SentenceFilenames.csv", "_DFA_", "_ABC_", ["'ABC'", "DFA"]),
        ("cremad", "SentenceFilenames.csv", "1001_DFA", "dfa", ["dfa_ANG_XX", "1001_DFA_ANG_XX"]),
        ("cremad", "processedResults/tabulatedVotes.csv", ",7,", ",7.5,", ["line 2", "'7.5'"]),
        ("cremad", "processedResults/tabulatedVotes.csv", ",7,", f",{'9' * 5000},", ["line 2"]),
        ("cremad", "processedResults/tabulatedVotes.csv", ",7,", ",\u0667,", ["line 2", "votes"]),
        ("nemo", "data.tsv", "\tmale\t23", "", ["line 2", "gender", "too short"]),
        ("nemo", "data.tsv", "\tfemale", "\tf", ["line 3", "'f'", "female"]),
        ("nemo", "data.tsv", "\tneutral", "\tbored", ["'bored'", "EB0_neutral_13", "null"]),
        ("msp_podcast", "Labels/labels_consensus.csv", ",N,", ",Q,", ["line 2", "'Q'", "N"]),
        ("msp_podcast", "Labels/labels_consensus.csv", "Test1", "Eval", ["line 4", "'Eval'"]),
        ("msp_podcast", "Labels/labels_detailed.csv", "Contempt", "Joy", ["line 4", "'Joy'"]),
        ("msp_podcast", "Labels/labels_detailed.csv", "EmoDetail", "Emo", ["line 2", "EmoDetail"]),
        ("msp_podcast", "Labels/labels_detailed.csv", 'D:3.0;"', "", ["labels_detailed", "line"]),
        ("iemocap", EVALUATION, "\texc\t", "\tjoy\t", ["F000", "'joy'", "hap"]),
        ("iemocap", EVALUATION, "C-E2:\tExcited", "C-E2:\tElated", ["line 4", "'Elated'"]),
        ("iemocap", EVALUATION, "\texc\t", " exc ", ["line 3", "<tab>EMOTION"]),
        ("iemocap", EVALUATION, "Excited;\t()", "Excited", ["line 4", "COMMENT"]),
        ("iemocap", EVALUATION, "_F000\t", "_000\t", ["_000.wav", "Ses01F_impro01_M000"]),
        ("iemocap", EVALUATION, "% [START", "C-E1:\tAnger;\t()\n", ["line 1", "before the first"]),
        ("meld", "dev_sent_emo.csv", ",joy,", ",joyful,", ["'joyful'", "dev_dia0_utt0", "joy"]),
        ("meld", "dev_sent_emo.csv", "Dialogue_ID", "Dialog", ["Dialogue_ID", "'Dialog'"]),
    ],
)
def test_a_wrong_cell_is_named(corpus, file, old, new, facts, tmp_path, error):
    TREES[corpus](tmp_path / "tree")
    path = tmp_path / "tree" / file
    text = path.read_text("utf-8")
    assert old in text
    put(path, text.replace(old, new, 1))

    assert_facts(error(corpus, tmp_path / "tree"), *facts)


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        (b"", ["an empty file", "FileName"]),
        (
            b"FileName,EmoClass,SpkrID,Gender,Split_Set\n\xe9.wav,N,1,Male,Train\n",
            ["line 2", "iconv"],
        ),
        (b"RIFF\0\0\0\0WAVE", ["binary"]),
        (b'FileName,EmoClass,SpkrID,Gender,Split_Set\n"a.wav,N,1,Male,Train\n', ["line 2"]),
    ],
)
def test_a_damaged_table_is_named(text, facts, tmp_path, error):
    TREES["msp_podcast"](tmp_path / "tree")
    path = tmp_path / "tree" / "Labels" / "labels_consensus.csv"
    path.write_bytes(text)

    assert_facts(error("msp_podcast", tmp_path / "tree"), path, *facts)


def test_tables_may_be_in_utf_16_or_have_a_byte_order_mark(tmp_path, capsys):
    TREES["nemo"](tmp_path / "tree")
    table = tmp_path / "tree" / "data.tsv"
    text = table.read_text("utf-8")
    for encoding in ("utf-16", "utf-8-sig"):
        put(table, text, encoding)
        main(["nemo", str(tmp_path / "tree"), str(tmp_path / "made.jsonl")])
        assert_facts(capsys.readouterr().out, "2 cuts, 2 speakers")


def test_a_corpus_without_any_usable_clip_is_an_error(tmp_path, error):
    TREES["cremad"](tmp_path / "tree")
    for path in (tmp_path / "tree" / "AudioWAV").iterdir():
        path.unlink()

    assert_facts(error("cremad", tmp_path / "tree"), "no utterance", "2 listed", "no such file")


def test_a_split_that_does_not_exist_is_an_error(tmp_path, error):
    TREES["emodb"](tmp_path / "tree")

    assert_facts(error("emodb", tmp_path / "tree", "--split", "dev"), "3 not of the split dev")


def test_a_doubled_id_is_named_with_both_files(tmp_path, error):
    TREES["nemo"](tmp_path / "tree")
    table = tmp_path / "tree" / "data.tsv"
    lines = table.read_text("utf-8").splitlines()
    put(table, "\n".join([*lines, lines[1]]))

    assert_facts(error("nemo", tmp_path / "tree"), "'WR0_surprised_64'", "twice", "samples")


def test_a_label_map_with_other_labels_is_named(tmp_path, error):
    TREES["emodb"](tmp_path / "tree")
    labels = put(tmp_path / "mine.yaml", "anger: furious\n")

    message = error("emodb", tmp_path / "tree", "--label-map", str(labels))

    assert_facts(message, "'anger'", labels, "03a01Wa", "null", "angry")


def test_another_suffix_of_the_manifest_is_refused(tmp_path, error):
    TREES["emodb"](tmp_path / "tree")

    assert_facts(error("emodb", tmp_path / "tree", out="made.csv"), "made.csv", ".jsonl.gz")


def test_a_file_of_another_program_is_kept(tmp_path, capsys):
    TREES["emodb"](tmp_path / "tree")
    out = put(tmp_path / "made.jsonl", "mine")
    with pytest.raises(SystemExit):
        main(["emodb", str(tmp_path / "tree"), str(out)])

    assert_facts(capsys.readouterr().err, out, "--overwrite")
    assert out.read_text("utf-8") == "mine"


def test_an_unknown_corpus_is_refused_with_the_known_ones(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["emo-db", str(tmp_path), str(tmp_path / "made.jsonl")])

    assert_facts(capsys.readouterr().err, "emo-db", *CORPORA)
