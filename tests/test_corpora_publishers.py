"""What is special in one corpus: forms of older releases, broken clips, several speakers at once."""

from __future__ import annotations

import pytest
from support.corpora import FOLDER, TREES, LabelMap, made, put, sounds, turn
from support.facts import assert_facts


def test_the_label_map_of_emogator_has_every_category():
    from recipes.emogator import EMOTIONS as NAMES

    assert sorted(LabelMap.read(FOLDER / "labels" / "emogator.yaml").names) == sorted(
        NAMES.values()
    )
    assert len(NAMES) == 30


@pytest.mark.parametrize("column", ["EmoClass_Major", "EmoDetail"])
def test_both_forms_of_detailed_labels_are_read(column, tmp_path):
    TREES["msp_podcast"](tmp_path / "tree")
    name = "MSP-PODCAST_0001_0009"
    cell = {"EmoClass_Major": "Happy", "EmoDetail": "WORKER1; Happy; Amused; A:3.0;"}[column]
    put(
        tmp_path / "tree" / "Labels" / "labels_detailed.csv",
        f"FileName,{column}\n{name}.wav,{cell}\n{name}.wav,{cell.replace('Happy', 'Other-a; b')}\n",
    )
    found = turn("msp_podcast", tmp_path / "tree", f"msp_podcast_{name}")

    assert found["custom"]["votes"] == {"happy": 1, "other": 1}


def test_older_spellings_of_a_release_are_read(tmp_path):
    TREES["msp_podcast"](tmp_path / "tree")
    labels = tmp_path / "tree" / "Labels"
    labels.joinpath("labels_consensus.csv").rename(labels / "labels_concensus.csv")

    assert len(made("msp_podcast", tmp_path / "tree")) == 2


def test_other_emotions_of_raters_are_other_however_they_are_written(tmp_path):
    TREES["msp_podcast"](tmp_path / "tree")
    name = "MSP-PODCAST_0001_0009"
    cells = "".join(f"{name}.wav,WORKER1,{each}\n" for each in ("Other", "Other - calm", "other-x"))
    put(
        tmp_path / "tree" / "Labels" / "labels_detailed.csv",
        f"FileName,WorkerID,EmoClass_Major\n{cells}",
    )
    found = turn("msp_podcast", tmp_path / "tree", f"msp_podcast_{name}")

    assert found["custom"]["votes"] == {"other": 3}


@pytest.mark.parametrize("name", ["labels", "label"])
def test_other_names_of_the_folder_of_labels_are_read(name, tmp_path):
    TREES["msp_podcast"](tmp_path / "tree")
    (tmp_path / "tree" / "Labels").rename(tmp_path / "tree" / name)

    assert len(made("msp_podcast", tmp_path / "tree")) == 2


@pytest.mark.parametrize(
    ("named", "speaker"),
    [
        ("Joey/Drake", "Joey"),
        ("All", "unknown"),
        ("Both", "unknown"),
        ("The Guys", "unknown"),
        ("Her-Friends", "unknown"),
        ("Monica and Rachel", "unknown"),
        ("Mr. Andrews", "Mr. Andrews"),
    ],
)
def test_several_speakers_of_meld_are_unnamed_and_a_role_is_not_a_speaker(named, speaker, tmp_path):
    TREES["meld"](tmp_path / "tree")
    table = tmp_path / "tree" / "dev_sent_emo.csv"
    put(table, table.read_text("utf-8").replace("Phoebe", named))

    found = turn("meld", tmp_path / "tree", "meld_dev_dia0_utt0")

    assert found["speaker"] == f"meld_{speaker}"


@pytest.mark.parametrize("suffix", [".wav", ".mp4"])
def test_broken_clips_of_meld_are_left_out(suffix, tmp_path, capsys):
    TREES["meld"](tmp_path / "tree")
    folder = tmp_path / "tree" / "train"
    sounds(folder, f"train_splits/dia125_utt3{suffix}")
    with (folder / "train_sent_emo.csv").open("a", encoding="utf-8") as table:
        table.write('2,No,Ross,neutral,neutral,125,3,4,7,"00:21:00,100","00:21:01,000"\n')
    made("meld", tmp_path / "tree")

    assert_facts(capsys.readouterr().out, "such as train_dia125_utt3: a clip that cannot be read")


def renamed(tree, name):
    """Give the second clip of CREMA-D another name, also in the tables."""
    (tree / "AudioWAV" / "1002_IEO_HAP_HI.wav").rename(tree / "AudioWAV" / f"{name}.wav")
    for table, old, new in (
        ("SentenceFilenames.csv", "1002_IEO_HAP_HI", name),
        ("VideoDemographics.csv", "1002,", f"{name[:4]},"),
    ):
        put(tree / table, (tree / table).read_text("utf-8").replace(old, new))
    with (tree / "processedResults" / "tabulatedVotes.csv").open("a", encoding="utf-8") as table:
        table.write(f'"100002",0,0,0,0,7,0,"{name}",7,1,"N"\n')


def test_the_silent_clip_of_cremad_is_left_out(tmp_path, capsys):
    TREES["cremad"](tmp_path / "tree")
    renamed(tmp_path / "tree", "1076_MTI_SAD_XX")
    made("cremad", tmp_path / "tree")

    assert_facts(capsys.readouterr().out, "1 cut, ", "1076_MTI_SAD_XX: a clip without sound")


@pytest.mark.parametrize(
    ("name", "votes"), [("1064_TIE_SAD_XX", None), ("1064_TIE_SAD_HI", {"neutral": 7})]
)
def test_votes_of_cremad_for_other_audio_are_left_out(name, votes, tmp_path):
    TREES["cremad"](tmp_path / "tree")
    renamed(tmp_path / "tree", name)
    found = turn("cremad", tmp_path / "tree", f"cremad_{name}")

    assert (found["custom"]["emotion"], found["custom"].get("votes")) == ("sad", votes)


def test_the_clips_of_meld_may_be_beside_the_tables(tmp_path):
    TREES["meld"](tmp_path / "tree")
    (tmp_path / "tree" / "dev" / "dev_splits_complete").rename(
        tmp_path / "tree" / "dev_splits_complete"
    )

    assert len(made("meld", tmp_path / "tree")) == 2
