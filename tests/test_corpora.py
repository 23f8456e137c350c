"""Recipes read the layouts of publishers: who speaks, which emotion, how many voted for it."""

from __future__ import annotations

import re

import pytest
from support.corpora import (
    CORPORA,
    FOLDER,
    TREES,
    LabelMap,
    made,
    main,
    put,
    sounds,
    turn,
    write_manifest,
)
from support.facts import assert_facts

from emo2vec_plugins import EMOTIONS
from emo2vec_plugins.training import read_examples

EXPECTED = {
    "emodb": {
        "emodb_03a01Wa": {
            "text": "Der Lappen liegt auf dem Eisschrank.",
            "language": "de",
            "speaker": "emodb_03",
            "gender": "male",
            "custom": {"emotion": "angry", "published_emotion": "anger"},
        }
    },
    "cremad": {
        "cremad_1001_DFA_ANG_XX": {
            "text": "Don't forget a jacket.",
            "language": "en",
            "speaker": "cremad_1001",
            "gender": "male",
            "custom": {
                "emotion": "angry",
                "published_emotion": "anger",
                "votes": {"angry": 7, "disgusted": 1, "neutral": 2},
            },
        }
    },
    "ravdess": {
        "ravdess_03-01-01-01-02-01-02": {
            "text": "Dogs are sitting by the door.",
            "language": "en",
            "speaker": "ravdess_02",
            "gender": "female",
            "custom": {"emotion": "neutral", "published_emotion": "neutral"},
        }
    },
    "emogator": {
        "emogator_000001-28-1": {
            "language": "zxx",
            "speaker": "emogator_000001",
            "custom": {"emotion": "surprised", "published_emotion": "Surprise (Positive)"},
        }
    },
    "nemo": {
        "nemo_WR0_surprised_64": {
            "text": "Ucho „wykrywa” dźwięki.",
            "language": "pl",
            "speaker": "nemo_WR0",
            "gender": "male",
            "custom": {"emotion": "surprised", "published_emotion": "surprised"},
        }
    },
    "emospeech": {
        "emospeech_webservice_bacho-safe-calm-1563001926035-97ce11ca5bcd7ebe": {
            "text": "bacho",
            "language": "hi",
            "speaker": "emospeech_97ce11ca5bcd7ebe",
            "custom": {"emotion": "neutral", "published_emotion": "calm"},
        },
        "emospeech_Near-Lake_unknown-glass-break-happy-1561964984.68-"
        "d14a028c2a3a2bc9476102bb288234c415a2b01f828ea62ac5b3e42f": {
            "language": "mul",
            "speaker": "emospeech_unknown",
            "custom": {"emotion": "happy", "published_emotion": "happy"},
        },
    },
    "msp_podcast": {
        "msp_podcast_MSP-PODCAST_0001_0008": {
            "text": "So what?",
            "language": "en",
            "speaker": "msp_podcast_30",
            "gender": "male",
            "custom": {
                "emotion": "neutral",
                "published_emotion": "Neutral",
                "votes": {"neutral": 2, "other": 2},
                "split": "train",
            },
        },
        "msp_podcast_MSP-PODCAST_0001_0009": {
            "language": "en",
            "speaker": "msp_podcast_unknown",
            "custom": {"emotion": "happy", "published_emotion": "Happy", "split": "dev"},
        },
    },
    "iemocap": {
        "iemocap_Ses01F_impro01_F000": {
            "text": "Excuse me.",
            "language": "en",
            "speaker": "iemocap_Ses01F",
            "gender": "female",
            "custom": {
                "emotion": "happy",
                "published_emotion": "Excited",
                "votes": {"happy": 2, "other": 1, "surprised": 1},
            },
        }
    },
    "meld": {
        "meld_dev_dia0_utt0": {
            "text": "Well, it\u2019s dev",
            "language": "en",
            "speaker": "meld_Phoebe",
            "custom": {"emotion": "happy", "published_emotion": "joy", "split": "dev"},
        }
    },
    "picovoice": {
        "picovoice_smart-mirror_007b3f76": {
            "text": "smart mirror",
            "language": "en",
            "speaker": "picovoice_unknown",
            "custom": {"emotion": "neutral", "presumed": True},
        }
    },
    "mycroft": {
        "mycroft_computer-1": {
            "language": "en",
            "speaker": "mycroft_unknown",
            "custom": {"emotion": "neutral", "presumed": True},
        },
        "mycroft_notwakeword-2": {
            "text": "quiero",
            "language": "es",
            "speaker": "mycroft_unknown",
            "custom": {"emotion": "neutral", "presumed": True},
        },
    },
}

LEFT_OUT = {
    "emodb": ["1, such as 08b02Lb: the label map leaves out boredom"],
    "cremad": [],
    "ravdess": ["1, such as 03-01-02-01-02-01-02: the label map leaves out calm", ": a song"],
    "emogator": ["1, such as 000002-01-3: the label map leaves out Adoration"],
    "nemo": [],
    "emospeech": ["no keyword is spoken"],
    "msp_podcast": ["1, such as MSP-PODCAST_0001_0011: the label map leaves out no agreement"],
    "iemocap": ["1, such as Ses01F_impro01_M001: the label map leaves out no agreement"],
    "meld": ["1, such as test_dia0_utt0: a video"],
    "picovoice": [],
    "mycroft": [
        "2, such as K9 1: not in the folder of a language",
        "1, such as heysavant-en-3: CC BY-NC-SA 4.0",
    ],
}


@pytest.mark.parametrize(
    ("corpus", "name"), [(corpus, name) for corpus in EXPECTED for name in EXPECTED[corpus]]
)
def test_what_a_publisher_says_is_in_the_manifest(corpus, name, tmp_path):
    TREES[corpus](tmp_path / "tree")
    expected = EXPECTED[corpus][name]
    custom = {**expected["custom"], "corpus": corpus}

    assert turn(corpus, tmp_path / "tree", name) == {**expected, "custom": custom}


@pytest.mark.parametrize("corpus", LEFT_OUT)
def test_what_is_left_out_is_counted_with_its_reason(corpus, tmp_path, capsys):
    TREES[corpus](tmp_path / "tree")
    made(corpus, tmp_path / "tree")
    printed = capsys.readouterr().out

    assert_facts(printed, *LEFT_OUT[corpus])
    assert printed.count("left out") == len(LEFT_OUT[corpus])


def test_every_corpus_has_a_tree_a_label_map_an_attribution_and_a_row_of_the_table():
    table = (FOLDER / "README.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \|", table, re.M)

    assert list(CORPORA) == list(TREES) == list(EXPECTED) == rows
    assert sorted(path.stem for path in (FOLDER / "labels").iterdir()) == sorted(CORPORA)
    for name in CORPORA:
        labels = {*LabelMap.read(FOLDER / "labels" / f"{name}.yaml").names.values()}
        assert labels - {None} <= {*EMOTIONS}, name


def test_the_manifest_is_ready_for_training(tmp_path):
    """Cuts with several channels, too, and with no label map."""
    TREES["emogator"](tmp_path / "tree")
    examples = read_examples(made("emogator", tmp_path / "tree"))

    assert {example.id: (example.label, example.speaker) for example in examples} == {
        "emogator_000001-28-1": ("surprised", "emogator_000001"),
        "emogator_000357-18-2": ("neutral", "emogator_000357"),
    }
    assert [len(example.read()) for example in examples] == [1600, 1600]


def test_manifests_of_several_corpora_share_no_id_and_no_speaker(tmp_path):
    cuts = []
    for corpus, make in TREES.items():
        make(tmp_path / corpus)
        cuts += made(corpus, tmp_path / corpus)
    ids = [cut.id for cut in cuts]
    owners = {cut.supervisions[0].speaker: cut.supervisions[0].custom["corpus"] for cut in cuts}

    assert len({*ids}) == len(ids)
    assert all(speaker.startswith(f"{corpus}_") for speaker, corpus in owners.items())
    assert {*owners.values()} == {*CORPORA}


def test_a_manifest_has_the_same_bytes_whenever_it_is_made(tmp_path):
    TREES["emodb"](tmp_path / "tree")
    for name in ("a.jsonl.gz", "b.jsonl.gz"):
        main(["emodb", str(tmp_path / "tree"), str(tmp_path / name)])

    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()


def test_progress_is_made_with_every_utterance(tmp_path):
    TREES["ravdess"](tmp_path / "tree")
    calls = []
    write_manifest(
        CORPORA["ravdess"],
        tmp_path / "tree",
        tmp_path / "made.jsonl",
        label_map=LabelMap.read(FOLDER / "labels" / "ravdess.yaml"),
        progress=lambda: calls.append(1),
    )

    assert len(calls) == 4  # two of them left out


def test_an_own_label_map_is_used(tmp_path):
    TREES["emodb"](tmp_path / "tree")
    labels = put(tmp_path / "mine.yaml", "anger: angry\nboredom: other\nsadness: null\n")
    cuts = made("emodb", tmp_path / "tree", "--label-map", str(labels))

    assert [cut.supervisions[0].custom["emotion"] for cut in cuts] == ["angry", "other"]


def test_an_official_split_is_written_alone(tmp_path):
    TREES["msp_podcast"](tmp_path / "tree")
    cuts = made("msp_podcast", tmp_path / "tree", "--split", "dev")

    assert [cut.id for cut in cuts] == ["msp_podcast_MSP-PODCAST_0001_0009"]


def test_hidden_files_of_other_systems_are_no_clips(tmp_path):
    TREES["emodb"](tmp_path / "tree")
    sounds(tmp_path / "tree", "wav/._03a01Wa.wav")

    assert len(made("emodb", tmp_path / "tree")) == 2


def test_an_attribution_is_printed_as_an_item_of_a_list(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--attribution", "ravdess", "emodb"])
    ravdess, emodb = capsys.readouterr().out.splitlines()

    assert ended.value.code == 0
    assert_facts(ravdess, "- ", "Livingstone", "CC BY-NC-SA 4.0", "https://")
    assert_facts(emodb, "- ", "Burkhardt", "CC0")
