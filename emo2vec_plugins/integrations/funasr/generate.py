"""A replacement for FunASR's ``AutoModel(...).generate(...)`` for emotion2vec, with batches.

Argument names and results are those of FunASR, which need not be installed. ``docs/funasr.md``
lists the intended differences. An item that cannot be read gets a reason and does not affect the
others.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import Any, Literal

from emo2vec_plugins.core import (
    Backend,
    Emotion,
    FloatArray,
    Options,
    Plugins,
    Recording,
    annotate,
    load_model,
)
from emo2vec_plugins.engine import Engine
from emo2vec_plugins.errors import OptionsError, warn
from emo2vec_plugins.files import ArrayFolder
from emo2vec_plugins.integrations import Input, check_distinct_keys, unscored
from emo2vec_plugins.integrations.funasr.sounds import as_audio, named_sounds
from emo2vec_plugins.models import PUBLISHED

HUBS = {"ms": "iic", "modelscope": "iic", "hf": "emotion2vec", "huggingface": "emotion2vec"}
"""Owner of the emotion2vec repositories on each hub, by FunASR's names of the hubs."""

QUIET = frozenset({"disable_update", "disable_pbar", "disable_log", "log_level"})
"""FunASR's arguments for its progress output. This package prints nothing."""

IN_CONSTRUCTOR = QUIET | {"batch_size", "ncpu", "seed"}
IN_GENERATE = QUIET | {"batch_size", "batch_size_s", "batch_size_threshold_s", "input_len", "ncpu"}
"""FunASR's arguments that do not affect results: accepted and ignored."""

HINTS = {
    **dict.fromkeys(
        ("vad_model", "vad_kwargs", "punc_model", "punc_kwargs", "spk_model", "spk_kwargs"),
        "pass the result of a FunASR pipeline to annotate_sentences",
    ),
    **dict.fromkeys(("fp16", "bf16"), "use dtype='float16' or dtype='bfloat16'"),
    "ngpu": "use device='cpu' to avoid the GPU",
    "data_type": "omit it: the type of the input is detected",
    "device": "use AutoModel(..., device=...)",
}


class AutoModel:
    """Emotion2vec with the interface of FunASR's ``AutoModel``.

    Args:
        model: A name that `load_model` accepts, such as ``tiny`` or
            ``iic/emotion2vec_plus_large``; a folder; a loaded model; or an `Engine`, whose labels
            and windows are kept.
        device: ``cpu``, ``cuda`` or ``cuda:1``. None for CUDA if available, else the CPU.
        dtype: ``float32``, ``bfloat16`` or ``float16``.
        hub: ``ms`` or ``hf``. Published models are loaded from this hub, under either name.
        abstain: Withhold labels with too much doubt, as for `Engine`. Pass it to the engine if
            *model* is one.
        plugins: The installed plugins by default.
        without_effect: FunASR's arguments that do not affect results: `IN_CONSTRUCTOR`.

    Attributes:
        engine: The engine that scores.

    Raises:
        OptionsError: If an argument is unknown, or the model cannot withhold labels.
        Emo2vecError: Any error of `load_model`.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | Backend | Engine,
        *,
        device: str | None = None,
        dtype: str = "float32",
        hub: str | None = None,
        abstain: float | bool | None = None,
        plugins: Plugins | None = None,
        **without_effect: Any,
    ) -> None:
        _refuse_others(without_effect, IN_CONSTRUCTOR, "AutoModel")
        self._plugins = plugins
        if isinstance(model, str | os.PathLike):
            name = _on_hub(model, hub)
            model = load_model(name, device=device, dtype=dtype, plugins=plugins)
        if isinstance(model, Engine) and abstain is not None:
            raise OptionsError(
                "expected abstain with a model, got an Engine: use Engine(abstain=...)"
            )
        self.engine = model if isinstance(model, Engine) else Engine(model, abstain=abstain)

    def generate(
        self,
        input: Any,
        *,
        output_dir: str | os.PathLike[str] | None = None,
        granularity: Literal["utterance", "frame"] = "utterance",
        extract_embedding: bool = True,
        fs: int = 16_000,
        key: str | Sequence[str] | None = None,
        progress_callback: Callable[[int, int], Any] | None = None,
        **without_effect: Any,
    ) -> list[dict[str, Any]]:
        """Score all items and return one result for each, in order.

        A result is a dictionary with FunASR's keys: ``key``; ``labels``, the lines of
        ``tokens.txt`` without ``unuse``; ``scores``, a list of floats in the order of the labels;
        ``feats``, a float32 array of shape (width,) or (frames, width). The key ``doubt`` is added
        if the model has a measure of it. If an item cannot be scored, its labels and scores are
        empty, ``feats`` is None, and the key ``reason`` is added. If its label was withheld, labels
        and scores are empty, too, as programs take the highest score for the label.

        Args:
            input: A path; a list of paths as ``.scp``, ``.txt``, ``.text``, ``.json`` or
                ``.jsonl``; samples as a numpy array or a tensor; bytes; a binary file; or a list
                of these.
            output_dir: Folder for the ``feats`` of each item, as ``KEY.npy``. Each file is
                written as soon as its item is scored.
            granularity: ``frame`` for ``feats`` of 50 frames per second.
            extract_embedding: Whether to return ``feats``. Ignored for a model without a head,
                which always returns them.
            fs: Samples per second of arrays, and of bytes that are not an audio file.
            key: Replaces the keys: one key for a single item, or one for each item.
            progress_callback: Called with the number of scored items and of all items.
            without_effect: FunASR's arguments that do not affect results: `IN_GENERATE`.

        Raises:
            OptionsError: If an argument is unknown, the number of keys is wrong, or two keys need
                the same file in *output_dir*.
            FormatError: If a line of a list is malformed.
            OSError: If a list cannot be read, or arrays cannot be written.
        """
        _refuse_others(without_effect, IN_GENERATE, "generate()")
        rate: Any = fs
        is_rate = isinstance(rate, Real) and rate is not True
        if not is_rate or not 0 < rate < math.inf or rate % 1:
            raise OptionsError(
                f"expected fs as a positive int, in samples per second, got {fs!r:.100}"
            )
        engine = self.engine.with_granularity(granularity)
        if not (wanted := extract_embedding or not engine.labels.names):
            engine = self.engine.with_granularity("utterance")
        sounds = named_sounds(input, key=key)
        write = _writer(output_dir, sounds, wanted=wanted)
        frames = wanted and engine.granularity == "frame"
        dialogues = annotate(
            (Recording(recording=each.key, audio=as_audio(each.source, fs)) for each in sounds),
            score=engine,
            plugins=self._plugins,
            options=Options(embeddings=wanted and not frames, frames=frames),
            failed=unscored,
        )
        results = []
        for dialogue in dialogues:
            emotion = dialogue.turns[0].emotion
            result = _result(dialogue.recording, emotion, engine)
            if wanted:
                result["feats"] = emotion.frame_embeddings if frames else emotion.embedding
                write(dialogue.recording, result["feats"])
            results.append(result)
            if progress_callback is not None:
                progress_callback(len(results), len(sounds))
        return results


def _result(key: str, emotion: Emotion, engine: Engine) -> dict[str, Any]:
    doubt = {} if emotion.doubt is None else {"doubt": emotion.doubt}
    if emotion.reason is not None:
        return {"key": key, "labels": [], "scores": [], "reason": emotion.reason} | doubt
    labels = [engine.labels.tokens[column] for column in engine.labels.columns]
    return {"key": key, "labels": labels, "scores": list(emotion.scores.values())} | doubt


def _writer(
    folder: str | os.PathLike[str] | None, sounds: Sequence[Input], *, wanted: bool
) -> Callable[[str, FloatArray | None], None]:
    if not folder:  # FunASR also treats an empty string as None
        return lambda _key, _array: None
    if not wanted:
        warn("nothing is written to output_dir: there are no arrays with extract_embedding=False")
        return ArrayFolder(folder, ()).write
    check_distinct_keys(sounds)
    return ArrayFolder(folder, [each.key for each in sounds]).write


def _on_hub(model: str | os.PathLike[str], hub: str | None) -> str | os.PathLike[str]:
    if hub is not None and hub not in HUBS:
        raise OptionsError(f"expected one of {', '.join(HUBS)} as hub, got {hub!r}")
    if hub is None or not isinstance(model, str) or Path(model).exists():
        return model
    owner, _, name = model.rpartition("/")
    is_published = name in PUBLISHED and owner in ("", *HUBS.values())
    return f"{HUBS[hub]}/{name}" if is_published else model


def _refuse_others(given: Mapping[str, Any], accepted: frozenset[str], where: str) -> None:
    if name := next((name for name in given if name not in accepted), None):
        hint = f"; {HINTS[name]}" if name in HINTS else ""
        listed = ", ".join(sorted(accepted))
        raise OptionsError(f"{where} has no argument {name!r}{hint}; ignored ones: {listed}")
