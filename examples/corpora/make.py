"""Write a Lhotse manifest of a corpus, from the files as its publisher distributes them.

    python examples/corpora/make.py emodb EMODB emodb.jsonl.gz
    python examples/corpora/make.py msp_podcast MSP-Podcast dev.jsonl.gz --split dev
    python examples/corpora/make.py --attribution emodb emogator

`emo2vec train` reads the manifests as they are. README.md beside this script has a table of the
corpora and their licences; ``labels`` has the label map of each.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from recipes import CORPORA
from recipes.manifest import write_manifest

from emo2vec_plugins import LabelMap, cli
from emo2vec_plugins.errors import Emo2vecError, OverwriteError
from emo2vec_plugins.files import overwriting

LABELS = Path(__file__).parent / "labels"


class Attribution(argparse.Action):
    """Prints what a model card must say about corpora, and exits."""

    def __call__(self, parser: argparse.ArgumentParser, _: Any, names: Any, *__: Any) -> None:
        """Print one item of a Markdown list for each corpus."""
        print(*(f"- {CORPORA[name].attribution}." for name in names), sep="\n")
        parser.exit()


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    found = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    found.add_argument("corpus", choices=CORPORA)
    found.add_argument("folder", type=Path, help="the folder with the publisher's files")
    found.add_argument("out", type=Path, help="the manifest, a .jsonl or .jsonl.gz")
    found.add_argument(
        "--label-map",
        type=Path,
        help="labels of the corpus's emotions; default: labels/CORPUS.yaml",
    )
    found.add_argument("--split", help="only this official part: train, dev, test, test1, ...")
    found.add_argument("--overwrite", action="store_true", help="replace any existing file")
    found.add_argument(
        "--attribution",
        action=Attribution,
        nargs="+",
        choices=CORPORA,
        metavar="CORPUS",
        help="print what a model card must say about these corpora, and exit",
    )
    return found


def refuse_inputs(out: Path, folder: Path, labels: Path) -> None:
    """Raise an error if the manifest would replace what is read, also through a link."""
    target = out.resolve()
    if target == labels.resolve() or target.is_relative_to(folder.resolve()):
        raise OverwriteError(
            f"{out}: is the label map, or lies in the corpus folder {folder}; "
            "choose a place outside of it for the manifest"
        )


def main(words: list[str] | None = None) -> None:
    """Write the manifest; print what it has, and what was left out."""
    given = parser().parse_args(words)
    labels = given.label_map or LABELS / f"{given.corpus}.yaml"
    try:
        refuse_inputs(given.out, given.folder, labels)
        with overwriting(given.overwrite), cli.progress("utterances") as progress:
            summary = write_manifest(
                CORPORA[given.corpus],
                given.folder,
                given.out,
                label_map=LabelMap.read(labels),
                split=given.split,
                progress=progress,
            )
    except (Emo2vecError, OSError) as error:
        cli.complain("error", str(error))
        sys.exit(1)
    for line in (f"wrote {given.out}", *summary.lines()):
        cli.echo(line)


if __name__ == "__main__":
    main()
