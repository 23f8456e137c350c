"""Export results to ELAN, correct them, and import the corrections as cuts to train on.

    python examples/corrections.py

The meeting and the model ship with this package; nothing is downloaded. A few lines of code edit
the file as an annotator would in ELAN.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from lhotse import CutSet

from emo2vec_plugins import Engine, Plugins, annotate, load_model
from emo2vec_plugins.formats import read_dialogues, write_dialogues
from emo2vec_plugins.integrations import read_rttm_sources
from emo2vec_plugins.review import agreement, compare, corrected_cut
from emo2vec_plugins.testing import sample_conversation


def main() -> None:
    audio, rttm = sample_conversation()
    plugins = Plugins()
    sources = read_rttm_sources(rttm, audio).sources
    [conversation] = annotate(sources, score=Engine(load_model("tiny")), plugins=plugins)

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "sample.eaf"
        write_dialogues([conversation], file, plugins=plugins)

        correct(file)

        [reviewed] = compare([conversation], read_dialogues(file, plugins=plugins))
        for change in reviewed.changes:
            before, after = change.pair.before, change.pair.after
            if change.kinds and before and after:
                print(f"{before.turn.start:6.2f} {before.emotion.label} -> {after.emotion.label}")
        result = agreement(reviewed.changes)
        print(f"{result.agreed} of {result.turns} labels were correct, kappa {result.kappa:.2f}")
        assert result.agreed == result.turns - 1

        cuts = CutSet.from_cuts([corrected_cut(reviewed).cut])
        cuts.to_file(Path(folder) / "corrected.jsonl.gz")
        [cut] = CutSet.from_file(Path(folder) / "corrected.jsonl.gz")
        print([supervision.emotion for supervision in cut.supervisions])
        assert {each.emotion_source for each in cut.supervisions} == {"review"}


def correct(file: Path) -> None:
    """Change the first label from sad to surprised."""
    text = file.read_text("utf-8")
    sad, surprised = (f"<ANNOTATION_VALUE>{x}</ANNOTATION_VALUE>" for x in ("sad", "surprised"))
    assert sad in text
    file.write_text(text.replace(sad, surprised, 1), "utf-8")


if __name__ == "__main__":
    main()
