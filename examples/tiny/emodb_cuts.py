"""Write a Lhotse manifest of EmoDB, the Berlin database of acted emotion.

    python examples/tiny/emodb_cuts.py EMODB emodb.jsonl.gz

``EMODB`` is a folder with ``labels.csv`` (columns: file, speaker, emotion) and ``wav/``. Each clip
becomes one cut. Its supervision has the speaker and, in ``emotion``, the corpus's name of the
emotion. ``emodb_labels.yaml`` beside this script maps these names to labels.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from lhotse import CutSet, MonoCut, Recording, SupervisionSegment


def clip(folder: Path, row: dict[str, str]) -> MonoCut:
    """Return the cut for one row of the table."""
    path = folder / "wav" / row["file"]
    recording = Recording.from_file(path, recording_id=path.stem)
    whole = {"id": path.stem, "start": 0.0, "duration": recording.duration, "channel": 0}
    supervision = SupervisionSegment(
        **whole,
        recording_id=recording.id,
        speaker=row["speaker"],
        custom={"emotion": row["emotion"]},
    )
    return MonoCut(**whole, recording=recording, supervisions=[supervision])


def main() -> None:
    """Read the table and write the manifest."""
    folder, manifest = Path(sys.argv[1]), sys.argv[2]
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as table:
        cuts = CutSet.from_cuts(clip(folder, row) for row in csv.DictReader(table))
    cuts.to_file(manifest)
    print(f"wrote {len(cuts)} cuts to {manifest}")


if __name__ == "__main__":
    main()
