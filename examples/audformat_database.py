"""audformat: store an annotated meeting as a database, and annotate a table of another database.

    python examples/audformat_database.py

The meeting and the model ship with this package; nothing is downloaded.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import audformat

from emo2vec_plugins import Engine, Options, annotate, load_model
from emo2vec_plugins.integrations import read_rttm_sources
from emo2vec_plugins.integrations.audformat import annotate_table, from_database, to_database
from emo2vec_plugins.testing import sample_conversation


def main(folder: Path) -> None:
    audio, rttm = sample_conversation()
    shutil.copyfile(audio, folder / audio.name)
    engine = Engine(load_model("tiny"))
    [meeting] = annotate(read_rttm_sources(rttm, folder / audio.name).sources, score=engine)

    database = to_database([meeting], name="meetings", root=folder)
    database.license = audformat.define.License.CC_BY_4_0
    database.save(str(folder))
    loaded = audformat.Database.load(str(folder))
    print(loaded["emotion"].df[["speaker", "emotion", "emotion_score"]].to_string())
    [again] = from_database(loaded, "emotion")
    assert loaded.is_portable
    assert [scored.emotion.label for scored in again.turns] == [
        scored.emotion.label for scored in meeting.turns
    ]

    # The labels of people stay unchanged; the model's labels go to another table.
    loaded["people"] = audformat.Table(loaded["emotion"].index[:2])
    loaded["people"]["mood"] = audformat.Column()
    loaded["people"]["mood"].set(["cheerful", "calm"])
    table = annotate_table(
        loaded, "people", score=engine, into="machine", options=Options(field="mood")
    )
    print()
    print(table.df[["mood", "mood_score"]].to_string())
    assert list(loaded["people"].df.columns) == ["mood"]
    assert list(table.df["mood"]) == [scored.emotion.label for scored in meeting.turns[:2]]


if __name__ == "__main__":
    with TemporaryDirectory() as temporary:
        main(Path(temporary))
