"""``emo2vec export``: a model in, an ONNX file out that does the same."""

from __future__ import annotations

from pathlib import Path

import click

from emo2vec_plugins.cli.group import plugins_of
from emo2vec_plugins.cli.options import model_option
from emo2vec_plugins.cli.output import note, speaker_of
from emo2vec_plugins.core import DEFAULT_MODEL, load_model


@click.command()
@click.argument("target", metavar="OUT.onnx")
@model_option(DEFAULT_MODEL)
@click.option(
    "--dtype",
    type=click.Choice(["float32", "int8"]),
    default="float32",
    show_default=True,
    help="Of the weights; int8 needs a third of the space, and less time.",
)
@click.option("-q", "--quiet", is_flag=True, help="No summary.")
@click.pass_context
def export(ctx: click.Context, *, target: str, model: str, dtype: str, quiet: bool) -> None:
    """Write a model's network as an ONNX file.

    The file takes clips padded to one length, and their lengths, and gives frame embeddings, frame
    logits, and the means of both; it says its classes in its metadata. It is compared with torch
    before it is there. '--model onnx:OUT.onnx' and '--model openvino:OUT.onnx' run it.
    """
    path = Path(target)
    if path.suffix != ".onnx":
        raise click.BadParameter(f"{target!r} is to end in .onnx", param_hint="OUT.onnx")
    if not path.parent.is_dir():
        raise FileNotFoundError(2, "No such folder", str(path.parent))
    from emo2vec_plugins.models import export as write  # only here: it loads torch

    backend = load_model(model, device="cpu", plugins=plugins_of(ctx))
    found = write(backend, path, dtype=dtype)
    note(
        f"{speaker_of(backend.provenance)} with weights in {dtype} is in {path}; on noise it is "
        f"within {found.difference:.2g} of torch, embeddings have a cosine of {found.cosine:.5f}",
        quiet=quiet,
    )
