"""Annotation of Hugging Face datasets, on disk and as streams."""

from __future__ import annotations

import gc
import io
import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import soundfile
from datasets import (
    Audio,
    Dataset,
    DatasetDict,
    Features,
    IterableDataset,
    IterableDatasetDict,
    List,
    Value,
)
from support.paths import ROOT, names_in

from emo2vec_plugins import Emotion, Engine, Options, Recording, Turn, annotate
from emo2vec_plugins.errors import Emo2vecWarning, OptionsError, SourceError
from emo2vec_plugins.integrations.huggingface.datasets import annotate_dataset
from emo2vec_plugins.integrations.huggingface.rows import WRITTEN_ROWS, DatasetOptions
from emo2vec_plugins.testing import FakeBackend, tone

CLASSES = ["angry", "happy", "neutral", "sad", "unknown"]
STORED = pa.struct({"bytes": pa.binary(), "path": pa.string()})
NEW = [
    "emotion",
    "emotion_score",
    "emotion_scores",
    "emotion_flags",
    "emotion_reason",
    "emotion_overlap_ratio",
    "emotion_doubt",
    "emotion_model",
]


def wav(samples):
    file = io.BytesIO()
    soundfile.write(file, samples, 16_000, format="WAV")
    return file.getvalue()


@pytest.fixture
def cells(write):
    """Stored audio: bytes, a path, nothing, and bytes that are not audio."""
    path = write("a.wav", tone(2.0), 16_000)
    return [
        {"bytes": wav(tone(1.0, pitch=440.0)), "path": "b.wav"},
        {"bytes": None, "path": str(path)},
        None,
        {"bytes": b"no audio", "path": None},
    ]


@pytest.fixture
def dataset(cells):
    return dataset_of(cells, text=["one", "two", "three", "four"])


def dataset_of(cells, **columns):
    table = pa.table({"audio": pa.array(cells, type=STORED)} | columns)
    return Dataset(table).cast_column("audio", Audio(sampling_rate=16_000))


def scored_alone(samples, *turns):
    """Score parts of some audio by themselves."""
    turns = [Turn(start=start, end=end) for start, end in turns] or None
    source = Recording(recording="x", audio=(samples, 16_000), turns=turns)
    [dialogue] = annotate([source], score=Engine(FakeBackend()))
    return [scored.emotion for scored in dialogue.turns]


def rows_of(dataset):
    return list(dataset.cast_column("audio", Audio(decode=False)))


def check_rows(rows):
    [first], [second] = scored_alone(tone(1.0, pitch=440.0)), scored_alone(tone(2.0))
    assert [row["text"] for row in rows] == ["one", "two", "three", "four"]
    assert [row["emotion"] for row in rows] == [first.label, second.label, None, None]
    assert rows[0]["emotion_score"] == pytest.approx(first.score, abs=1e-3)  # 16-bit samples
    assert rows[1]["emotion_score"] == pytest.approx(second.score, abs=1e-3)
    assert list(rows[0]["emotion_scores"]) == CLASSES
    assert sum(rows[0]["emotion_scores"].values()) == pytest.approx(1.0)
    assert rows[2]["emotion_scores"] is None or set(rows[2]["emotion_scores"].values()) == {None}
    assert [row["emotion_flags"] for row in rows] == [[], [], [], []]
    assert "no audio" in rows[2]["emotion_reason"]
    assert rows[3]["emotion_reason"] not in (None, rows[2]["emotion_reason"])
    assert rows[0]["emotion_model"] == "fake@000000000000"


def test_rows_get_new_columns_and_keep_the_others(dataset, engine, cells):
    result = annotate_dataset(dataset, score=engine)

    assert result.column_names == ["audio", "text", *NEW]
    assert result.features == Features(
        {
            **dataset.features,
            "emotion": Value("string"),
            "emotion_score": Value("float64"),
            "emotion_scores": {name: Value("float64") for name in CLASSES},
            "emotion_flags": List(Value("string")),
            "emotion_reason": Value("string"),
            "emotion_overlap_ratio": Value("float64"),
            "emotion_doubt": Value("float64"),
            "emotion_model": Value("string"),
        }
    )
    assert [row["audio"] for row in rows_of(result)] == cells
    check_rows(rows_of(result))
    assert dataset.column_names == ["audio", "text"]


@pytest.mark.parametrize("shards", [1, 2])
def test_the_result_of_a_stream_is_a_stream(dataset, engine, cells, shards):
    stream = dataset.to_iterable_dataset(num_shards=shards)

    result = annotate_dataset(stream, score=engine, batch_rows=2)

    assert isinstance(result, IterableDataset)
    assert result.num_shards == shards
    assert result.features == annotate_dataset(dataset, score=engine).features
    assert [row["audio"] for row in rows_of(result)] == cells
    check_rows(rows_of(result))


def test_a_stream_of_python_objects_is_scored(engine, cells):
    def rows():
        for cell, text in zip(cells, ["one", "two", "three", "four"], strict=True):
            yield {"sound": cell, "text": text}

    plain = {"bytes": Value("binary"), "path": Value("string")}
    features = Features({"sound": plain, "text": Value("string")})
    known = IterableDataset.from_generator(rows, features=features)
    unknown = IterableDataset.from_generator(rows)

    check_rows(list(annotate_dataset(known, score=engine, column="sound", batch_rows=3)))
    sounds = annotate_dataset(
        known.cast_column("sound", Audio()), score=engine, column="sound", batch_rows=3
    )
    assert sounds.features["sound"] == Audio()
    check_rows(list(sounds.cast_column("sound", Value("binary"))))
    check_rows(list(annotate_dataset(unknown, score=engine, column="sound", batch_rows=3)))


def test_a_stream_may_mix_paths_and_bytes(write, engine):
    path = str(write("a.wav", tone(2.0), 16_000))
    features = Features({"audio": Audio(), "text": Value("string")})

    def rows():
        yield {"audio": path, "text": "one"}
        yield {"audio": wav(tone(2.0)), "text": "two"}
        yield {"audio": None, "text": "three"}

    result = annotate_dataset(IterableDataset.from_generator(rows, features), score=engine)

    found = list(result.cast_column("audio", Value("binary")))
    assert [row["audio"] for row in found] == [path, wav(tone(2.0)), None]
    label = scored_alone(tone(2.0))[0].label
    assert [row["emotion"] for row in found] == [label, label, None]
    assert result.features["audio"] == Audio()


@pytest.mark.parametrize("form", [None, "arrow", "numpy"])
def test_a_stream_of_any_format_gives_python_objects(dataset, engine, cells, form):
    stream = dataset.to_iterable_dataset().with_format(form)

    rows = rows_of(annotate_dataset(stream, score=engine))

    assert [row["audio"] for row in rows] == cells
    check_rows(rows)


def test_audio_that_is_not_decoded_stays_so(dataset, engine, cells):
    stream = dataset.cast_column("audio", Audio(decode=False)).to_iterable_dataset()

    result = annotate_dataset(stream, score=engine)

    assert [row["audio"] for row in result] == cells
    assert (
        result.features
        == annotate_dataset(dataset, score=engine)
        .cast_column("audio", Audio(decode=False))
        .features
    )


def test_a_stream_is_read_lazily(engine):
    read = []

    def rows():
        for index in itertools.count():
            read.append(index)
            yield {"audio": wav(tone(0.5)), "index": index}

    result = annotate_dataset(IterableDataset.from_generator(rows), score=engine, batch_rows=4)
    read.clear()  # the library reads the first row to find the columns
    first = list(result.take(6))

    assert [row["index"] for row in first] == [0, 1, 2, 3, 4, 5]
    assert all(row["emotion"] for row in first)
    assert max(read) < 12


def test_each_split_is_annotated(dataset, engine):
    splits = DatasetDict({"train": dataset, "test": dataset.select([1])})
    streams = IterableDatasetDict({"train": dataset.to_iterable_dataset()})

    result = annotate_dataset(splits, score=engine)

    assert isinstance(result, DatasetDict)
    assert {name: len(split) for name, split in result.items()} == {"train": 4, "test": 1}
    check_rows(rows_of(result["train"]))
    assert isinstance(annotate_dataset(streams, score=engine), IterableDatasetDict)


def test_a_column_may_have_paths_bytes_or_arrays(write, engine):
    path = str(write("a.wav", tone(1.0), 16_000))
    columns = [
        Dataset.from_dict({"sound": [path]}),
        Dataset.from_dict({"sound": [wav(tone(1.0))]}),
        Dataset.from_dict({"sound": [{"array": tone(1.0).tolist(), "sampling_rate": 16_000}]}),
    ]

    for each in columns:
        [row] = annotate_dataset(each, score=engine, column="sound")
        assert row["emotion"] == scored_alone(tone(1.0))[0].label


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("https://example.com/a.wav", "https://example.com/a.wav"),
        ("gone.wav", "gone.wav"),
        (None, "no audio"),
    ],
)
def test_a_row_with_missing_audio_gets_a_reason(engine, cell, reason):
    [row] = annotate_dataset(
        Dataset(pa.table({"audio": pa.array([cell], pa.string())})), score=engine
    )

    assert row["emotion"] is None
    assert reason in row["emotion_reason"]


def test_a_row_may_be_a_part_of_its_audio(write, engine):
    path = str(write("a.wav", tone(2.0), 16_000))
    given = Dataset.from_dict(
        {"audio": [path] * 4, "from": [0.0, 0.5, None, 2.0], "to": [1.0, None, 0.25, 1.0]}
    )

    result = annotate_dataset(given, score=engine, start="from", end="to")

    expected = scored_alone(tone(2.0), (0, 1), (0.5, 2.0), (0, 0.25))
    assert result["emotion"][:3] == [each.label for each in expected]
    assert result["emotion_score"][:3] == pytest.approx([e.score for e in expected], abs=1e-3)
    assert "2.0 to 1.0" in result[3]["emotion_reason"]


def test_a_row_may_have_turns(write, engine):
    path = str(write("a.wav", tone(2.0), 16_000))
    turns = [
        [
            {"start": 0.0, "end": 1.0, "speaker": "A"},
            {"start": 0.5, "end": 2.0, "speaker": "B"},
            {"start": 3.0, "end": 1.0, "speaker": "B"},
        ],
        [],
        None,
    ]
    given = Dataset.from_dict({"audio": [path] * 3, "talk": turns})

    result = annotate_dataset(given, score=engine, turns="talk", options=Options(embeddings=True))

    expected = scored_alone(tone(2.0), (0, 1), (0.5, 2.0))
    assert result[0]["emotion"] == [*(each.label for each in expected), None]
    assert result[0]["emotion_flags"] == [["overlapped"], ["overlapped"], []]
    assert result[0]["emotion_overlap_ratio"] == [0.5, pytest.approx(1 / 3), None]
    assert [each and len(each) for each in result[0]["emotion_embedding"]] == [4, 4, None]
    assert result[1]["emotion"] == []
    assert result[2]["emotion"] == []
    assert result.features["emotion_scores"] == List({name: Value("float64") for name in CLASSES})
    stream = annotate_dataset(
        given.to_iterable_dataset(), score=engine, turns="talk", options=Options(embeddings=True)
    )
    assert list(stream) == list(result)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_embeddings_are_a_column_on_request(dataset, engine, dtype):
    result = annotate_dataset(
        dataset, score=engine, options=Options(embeddings=True, array_dtype=dtype)
    )

    assert result.features["emotion_embedding"] == List(Value(dtype))
    first, _, third, _ = result["emotion_embedding"]
    source = Recording(recording="x", audio=io.BytesIO(wav(tone(1.0, pitch=440.0))))
    [dialogue] = annotate([source], score=engine, options=Options(embeddings=True))
    expected = dialogue.turns[0].emotion.embedding.astype(dtype)
    np.testing.assert_array_equal(np.asarray(first, dtype), expected)
    assert third is None


def test_existing_columns_are_replaced_only_on_request(dataset, engine):
    labelled = dataset.add_column("emotion", ["joy"] * 4)

    with pytest.raises(OptionsError, match=r"already has emotion; .*field=.*overwrite=True"):
        annotate_dataset(labelled, score=engine)
    with pytest.raises(OptionsError, match="already has emotion;"):
        annotate_dataset(labelled.to_iterable_dataset(), score=engine)

    named = annotate_dataset(labelled, score=engine, options=Options(field="mood"))
    assert named["emotion"] == ["joy"] * 4
    assert named["mood"][0] == scored_alone(tone(1.0, pitch=440.0))[0].label
    again = Options(overwrite=True)
    check_rows(rows_of(annotate_dataset(labelled, score=engine, options=again)))
    stream = annotate_dataset(labelled.to_iterable_dataset(), score=engine, options=again)
    check_rows(rows_of(stream))


def test_a_selection_is_annotated_in_its_order(dataset, engine):
    result = annotate_dataset(dataset.select([1, 0]), score=engine)

    assert result["text"] == ["two", "one"]
    assert result["emotion"] == [
        scored_alone(tone(2.0))[0].label,
        scored_alone(tone(1.0, pitch=440.0))[0].label,
    ]


def test_a_dataset_without_rows_has_the_columns(dataset, engine):
    result = annotate_dataset(dataset.select([]), score=engine)

    assert result.column_names == ["audio", "text", *NEW]
    assert len(result) == 0


def test_a_format_is_kept(dataset, engine):
    shown = annotate_dataset(dataset.with_format("numpy", columns=["text"]), score=engine)

    assert set(shown[0]) == {"text", *NEW}
    assert shown.format["type"] == "numpy"


def test_new_columns_are_written_to_the_given_folder(dataset, engine, tmp_path):
    result = annotate_dataset(dataset, score=engine, folder=tmp_path / "columns")

    [file] = names_in(tmp_path / "columns")
    assert str(tmp_path / "columns" / file) in [each["filename"] for each in result.cache_files]
    again = annotate_dataset(dataset, score=engine, folder=tmp_path / "columns")
    assert len(names_in(tmp_path / "columns")) == 2
    check_rows(rows_of(result))
    check_rows(rows_of(again))


def test_the_temporary_folder_is_removed_when_the_process_ends(write, tmp_path):
    write("a.wav", tone(1.0), 16_000)
    script = (
        "from datasets import Dataset\n"
        "from emo2vec_plugins import Engine\n"
        "from emo2vec_plugins.integrations.huggingface.datasets import annotate_dataset\n"
        "from emo2vec_plugins.testing import FakeBackend\n"
        "given = Dataset.from_dict({'audio': ['a.wav']})\n"
        "result = annotate_dataset(given, score=Engine(FakeBackend()))\n"
        "del given\n"
        "print(list(result.select([0])['emotion']), result.cache_files[-1]['filename'])\n"
    )

    command = [sys.executable, "-W", "error::ResourceWarning", "-c", script]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "HF_HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.startswith("['")
    assert not Path(done.stdout.split()[-1]).exists()


def test_a_failed_run_leaves_no_files(engine, tmp_path):
    def broken(items):
        yield from itertools.islice(engine(items), WRITTEN_ROWS + 1)
        assert len(names_in(folder)) == 1
        raise OSError(28, "No space left on device")

    folder = tmp_path / "columns"
    many = dataset_of([{"bytes": wav(tone(0.1)), "path": None}] * (WRITTEN_ROWS + 3))
    with pytest.raises(OSError, match="No space left"):
        annotate_dataset(many, score=broken, folder=folder)
    gc.collect()

    assert not folder.exists()


def test_many_rows_are_written_in_chunks(engine):
    cell = {"bytes": wav(tone(0.1)), "path": None}
    many = dataset_of([cell] * (2 * WRITTEN_ROWS + 1))

    result = annotate_dataset(many, score=engine)

    assert len(result) == 2 * WRITTEN_ROWS + 1
    assert len(set(result["emotion"])) == 1
    assert result.data.column("emotion").num_chunks == 3


def test_a_dataset_is_a_source(dataset, engine):
    [result] = annotate([dataset], score=engine, options=Options(embeddings=True))

    check_rows(rows_of(result))
    assert [each and len(each) for each in result["emotion_embedding"]] == [4, 4, None, None]
    options = DatasetOptions(column="sound")
    [other] = annotate([dataset.rename_column("audio", "sound")], score=engine, options=options)
    assert other["emotion"] == result["emotion"]


def test_a_stream_is_rejected_as_a_source(dataset, engine):
    stream = dataset.to_iterable_dataset()

    with pytest.warns(Emo2vecWarning, match=r"IterableDataset.* annotate_dataset"):
        assert list(annotate([stream], score=engine)) == [stream]


def test_without_scores_and_classes_there_is_no_column_of_scores(dataset):
    def silent(items):
        for item in items:
            yield item, Emotion(reason="no model") if hasattr(item, "turn") else None

    result = annotate_dataset(dataset, score=silent)

    assert result["emotion_reason"] == ["no model"] * 4
    assert "emotion_scores" not in result.column_names
    with pytest.raises(OptionsError, match=r"DatasetOptions\(classes="):
        annotate_dataset(dataset.to_iterable_dataset(), score=silent)


def test_an_unknown_class_is_an_error(dataset, engine):
    options = DatasetOptions(classes=("angry", "sad"))

    with pytest.raises(OptionsError, match=r"angry, sad.*'happy'"):
        annotate_dataset(dataset, score=engine.__call__, options=options)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"column": "sound"}, "'sound'.* audio, text"),
        ({"turns": "talk"}, "'talk'"),
        ({"turns": "text", "start": "text"}, "turns .*start .*end"),
        ({"options": Options(frames=True)}, "frames"),
    ],
)
def test_wrong_arguments_are_rejected_immediately(dataset, engine, more, message):
    for each in (dataset, dataset.to_iterable_dataset()):
        with pytest.raises(OptionsError, match=message):
            annotate_dataset(each, score=engine, **more)


def test_a_list_is_rejected_as_dataset(engine):
    with pytest.raises(SourceError, match=r"Dataset.* list"):
        annotate_dataset([{"audio": "a.wav"}], score=engine)


def test_the_result_can_be_saved_and_filtered(dataset, engine, tmp_path):
    result = annotate_dataset(dataset, score=engine)
    result.save_to_disk(tmp_path / "saved")
    result.remove_columns("audio").to_parquet(tmp_path / "labels.parquet")

    check_rows(rows_of(Dataset.load_from_disk(str(tmp_path / "saved"))))
    assert result.remove_columns("audio").filter(lambda row: row["emotion"])["text"] == [
        "one",
        "two",
    ]


def test_emodb_clips_are_scored_as_single_files(shared, engine):
    files = sorted((shared / "emodb").rglob("*.wav"))[:4]
    given = Dataset.from_dict({"audio": [str(path) for path in files]})

    result = annotate_dataset(given, score=engine)

    expected = list(annotate(files, score=engine))
    assert result["emotion"] == [each.turns[0].emotion.label for each in expected]
    assert result["emotion_score"] == [each.turns[0].emotion.score for each in expected]
