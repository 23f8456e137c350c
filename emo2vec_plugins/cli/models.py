"""Commands about models and plugins: ``models``, ``plugins``, ``export`` and ``selfcheck``.

The library's modules behind them load torch: they are imported inside the commands.
"""

from __future__ import annotations

import re
from pathlib import Path

import click

from emo2vec_plugins.cli.group import plugins_of
from emo2vec_plugins.cli.options import output_file, quiet_option
from emo2vec_plugins.cli.output import note, print_table
from emo2vec_plugins.cli.scoring import (
    Loading,
    describe_model,
    dtype_option,
    loading_options,
    model_option,
)
from emo2vec_plugins.core import DEFAULT_MODEL, Backend, load_model
from emo2vec_plugins.errors import ModelNotFoundError


@click.command("models")
@click.pass_context
def models_command(ctx: click.Context) -> None:
    """List the models that have a name.

    Folders and identifiers of hubs can be passed to --model as well.
    """
    rows = []
    for name, model in sorted(plugins_of(ctx).models().items()):
        default = " (the default)" if name == DEFAULT_MODEL else ""
        given = f"{name}:SOURCE" if model.needs_source else name
        rows.append((given, model.description + default))
    print_table(("model", "what it is"), rows)


@click.command("plugins")
@click.pass_context
def plugins_command(ctx: click.Context) -> None:
    """List plugins and what they offer.

    They are asked in this order.
    """
    found = plugins_of(ctx)
    offers = found.offers()
    rows = [
        (
            plugin.name,
            plugin.origin,
            ", ".join(hook.removeprefix("emo2vec_") for hook in plugin.hooks),
            ", ".join(offers.get(plugin.name, ())),
        )
        for plugin in found.describe()
    ]
    print_table(("plugin", "origin", "hooks", "offers"), rows)


@click.command("export")
@click.option(
    *("-o", "--output"),
    metavar="FILE",
    callback=output_file(".onnx"),
    required=True,
    help="The file to write: .onnx.",
)
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
    from emo2vec_plugins.models import export

    backend = load_model(model, device="cpu", plugins=plugins_of(ctx))
    found = export(backend, Path(output), dtype=dtype)
    note(
        f"{describe_model(backend)} with weights in {dtype} is in {output}; on noise it is "
        f"within {found.difference:.2g} of torch, embeddings have a cosine of {found.cosine:.5f}",
        quiet=quiet,
    )


@click.command("selfcheck")
@click.option(
    "--audio",
    metavar="FILE",
    help="The model's example/test.wav.  [default: the one in its folder or on its hub]",
)
@loading_options
def selfcheck_command(*, audio: str | None, loading: Loading) -> None:
    """Compare the model with its published scores.

    That is emotion2vec_plus_large, on this machine; no scores of other models are published.
    Exit status 1, and the classes that differ, if it does not agree.
    """
    from emo2vec_plugins.models import (
        PUBLISHED_SCORES,
        TOLERANCE,
        find_audio,
        require_known,
        selfcheck,
    )

    backend = _genuine(loading)
    require_known(backend)  # before the recording is looked for, perhaps on a hub
    agreement = selfcheck(backend, find_audio(loading.model) if audio is None else Path(audio))
    rows = [
        (name, f"{PUBLISHED_SCORES[name]:.3e}", f"{difference:+.4f}")
        for name, difference in agreement.differences.items()
    ]
    print_table(("class", "published p", "difference of ln p"), rows)
    click.echo(
        f"{describe_model(backend)} agrees with its published scores: "
        f"at most {agreement.worst:.4f}, {TOLERANCE} is allowed"
    )


def _genuine(loading: Loading) -> Backend:
    try:
        return loading.backend()
    except ModelNotFoundError as error:
        # Other commands can fall back on the embedded model, which has no published scores.
        raise ModelNotFoundError(re.sub(r"[,;] or use the embedded.*", "", str(error))) from error
