"""``emo2vec export``: a model's network as an ONNX file."""

from __future__ import annotations

from pathlib import Path

import click

from emo2vec_plugins import models  # lazy: torch is loaded when the command runs
from emo2vec_plugins.cli.group import plugins_of
from emo2vec_plugins.cli.options import option, output_file, quiet_option
from emo2vec_plugins.cli.output import note
from emo2vec_plugins.cli.scoring import describe_model, dtype_option, model_option
from emo2vec_plugins.core import DEFAULT_MODEL, load_model

_ONNX = output_file(".onnx")


@click.command("export")
@option("-o, --output FILE", "The file to write: .onnx.", callback=_ONNX, required=True)
@model_option(DEFAULT_MODEL)
@dtype_option("float32", "int8")
@quiet_option
@click.pass_context
def export_command(ctx: click.Context, *, output: str, model: str, dtype: str, quiet: bool) -> None:
    """Write a model's network as an ONNX file.

    The file takes clips padded to one length, and their lengths, and gives frame embeddings, frame
    logits, and the means of both; its metadata names its classes. It is compared with torch
    before it is written. '--model onnx:FILE' and '--model openvino:FILE' run it. Weights in int8
    need a third of the space, and less time.
    """
    backend = load_model(model, device="cpu", plugins=plugins_of(ctx))
    found = models.export(backend, Path(output), dtype=dtype)
    note(
        f"{describe_model(backend)} with weights in {dtype} is in {output}; on noise it is "
        f"within {found.difference:.2g} of torch, embeddings have a cosine of {found.cosine:.5f}",
        quiet=quiet,
    )
