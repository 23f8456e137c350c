"""``emo2vec export``: write a model as an ONNX file."""

from __future__ import annotations

from pathlib import Path

import click

from emo2vec_plugins import models  # lazy: torch is imported when the command runs
from emo2vec_plugins.cli.files import OutputName, writes_files
from emo2vec_plugins.cli.group import plugins_of
from emo2vec_plugins.cli.options import option, quiet_option
from emo2vec_plugins.cli.output import note
from emo2vec_plugins.cli.permissions import allow_option, permissions_of
from emo2vec_plugins.cli.scoring import describe_model, dtype_option, model_option
from emo2vec_plugins.cli.streams import command
from emo2vec_plugins.core import DEFAULT_MODEL, load_model


@command("export")
@writes_files()
@option("-o, --output FILE", "File to write: .onnx.", type=OutputName(".onnx"), required=True)
@model_option(DEFAULT_MODEL)
@dtype_option("float32", "int8")
@allow_option
@quiet_option
@click.pass_context
def export_command(ctx: click.Context, *, output: str, model: str, dtype: str, quiet: bool) -> None:
    """Write a model's network as an ONNX file.

    Inputs are clips padded to one length, and their lengths; outputs are frame embeddings, frame
    logits, and the means of both. The classes are in the metadata. The graph is compared with
    torch before the file is written. Run it with '--model onnx:FILE' or '--model openvino:FILE'.
    int8 weights need a third of the space and less time.

    \b
    Examples:
      emo2vec export -o large.onnx
      emo2vec export --model tiny -o tiny-int8.onnx --dtype int8
    """
    allow = permissions_of(ctx).allow
    backend = load_model(model, device="cpu", plugins=plugins_of(ctx), allow=allow)
    found = models.export(backend, Path(output), dtype=dtype)
    note(
        f"wrote {describe_model(backend)} with {dtype} weights to {output}; on noise it differs from "
        f"torch by at most {found.difference:.2g}, and the cosine of embeddings is {found.cosine:.5f}",
        quiet=quiet,
    )
