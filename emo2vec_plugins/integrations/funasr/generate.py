"""FunASR's ``AutoModel(...).generate(...)`` for emotion2vec, run by this package's engine.

The same names of arguments and the same results, of batches instead of one file at a time.
FunASR need not be installed. ``docs/funasr.md`` lists what is deliberately different.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from emo2vec_plugins.integrations import Input, refuse_shared_keys, unscored
from emo2vec_plugins.integrations.funasr.inputs import as_audio, named_sounds
from emo2vec_plugins.models import PUBLISHED

HUBS = {"ms": "iic", "modelscope": "iic", "hf": "emotion2vec", "huggingface": "emotion2vec"}
"""Who publishes emotion2vec, by the reference's names of hubs."""

QUIET = frozenset({"disable_update", "disable_pbar", "disable_log", "log_level"})
"""Of what the reference says while it works, which is nothing here."""

IN_CONSTRUCTOR = QUIET | {"batch_size", "ncpu", "seed"}
IN_GENERATE = QUIET | {"batch_size", "batch_size_s", "batch_size_threshold_s", "input_len", "ncpu"}
"""What the reference knows and results do not depend on: taken, and of no effect."""

HINTS = {
    **dict.fromkeys(
        ("vad_model", "vad_kwargs", "punc_model", "punc_kwargs", "spk_model", "spk_kwargs"),
        "give what FunASR found of who speaks when to annotate_sentences",
    ),
    **dict.fromkeys(("fp16", "bf16"), "dtype='float16' or dtype='bfloat16' choose the arithmetic"),
    "ngpu": "device='cpu' keeps off the GPU",
    "data_type": "the type of the input decides: paths, samples, bytes",
    "device": "AutoModel(..., device=...) places the model",
}


class AutoModel:
    """Emotion2vec by FunASR's interface.

    Args:
        model: A name that `load_model` knows, as ``tiny`` or ``iic/emotion2vec_plus_large``; a
            folder; a model that is loaded; or an `Engine`, whose labels and windows are kept.
        device: ``cpu``, ``cuda``, ``cuda:1``; the best there is if None.
        dtype: ``float32``, ``bfloat16`` or ``float16``.
        hub: ``ms`` or ``hf``: where published models come from, whichever name they are given.
        plugins: Those installed, unless given.
        without_effect: `IN_CONSTRUCTOR`.

    Attributes:
        engine: What scores; give it in place of a model to keep to its labels and windows.

    Raises:
        OptionsError: If an argument is none of these.
        Emo2vecError: Whatever `load_model` raises.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | Backend | Engine,
        *,
        device: str | None = None,
        dtype: str = "float32",
        hub: str | None = None,
        plugins: Plugins | None = None,
        **without_effect: Any,
    ) -> None:
        _refuse_others(without_effect, IN_CONSTRUCTOR, "AutoModel")
        self._plugins = plugins
        if isinstance(model, str | os.PathLike):
            name = _on_hub(model, hub)
            model = load_model(name, device=device, dtype=dtype, plugins=plugins)
        self.engine = model if isinstance(model, Engine) else Engine(model)

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
        """Return one result for each item, in order.

        Each is a dictionary with the reference's keys: ``key``; ``labels``, the lines of
        ``tokens.txt`` without ``unuse``; ``scores``, a list of floats in the order of the labels;
        ``feats``, a float32 array of shape (width,) or (frames, width). An item that cannot be
        scored has no labels and no scores, ``feats`` None, and one key more, ``reason``.

        Args:
            input: A path; a list of paths as ``.scp``, ``.txt``, ``.text``, ``.json`` or
                ``.jsonl``; samples as a numpy array or a tensor; bytes; a binary file; or a list
                of these.
            output_dir: Write each item's ``feats`` to ``KEY.npy`` in this folder, as soon as they
                are known.
            granularity: ``frame`` gives ``feats`` of 50 frames a second.
            extract_embedding: Whether there are ``feats``; a model without a head always has.
            fs: Samples per second of arrays, and of bytes that are no audio file.
            key: Replaces the keys: one for one item, or one for each.
            progress_callback: Called with how many items are done, and of how many.
            without_effect: `IN_GENERATE`.

        Raises:
            OptionsError: If an argument is none of these, keys are not one for each item, or
                *output_dir* cannot hold one file for each key.
            FormatError: If a line of a list is none.
            OSError: If a list cannot be read, or arrays cannot be written.
        """
        _refuse_others(without_effect, IN_GENERATE, "generate()")
        _check_rate(fs)
        engine = self.engine.with_granularity(granularity)
        if not (wanted := extract_embedding or not engine.labels.names):
            engine = self.engine.with_granularity("utterance")
        sounds = named_sounds(input, key=key)
        write = _writer(output_dir, sounds, wanted=wanted)
        results = []
        for sound, emotion in self._scored(sounds, engine, rate=fs, wanted=wanted):
            result = _result(sound.key, emotion, engine)
            if wanted:
                is_frames = engine.granularity == "frame"
                result["feats"] = emotion.frame_embeddings if is_frames else emotion.embedding
                write(sound.key, result["feats"])
            results.append(result)
            if progress_callback is not None:
                progress_callback(len(results), len(sounds))
        return results

    def _scored(
        self, sounds: Sequence[Input], engine: Engine, *, rate: int, wanted: bool
    ) -> Iterator[tuple[Input, Emotion]]:
        frames = wanted and engine.granularity == "frame"
        dialogues = annotate(
            (Recording(recording=each.key, audio=as_audio(each.source, rate)) for each in sounds),
            score=engine,
            plugins=self._plugins,
            options=Options(embeddings=wanted and not frames, frames=frames),
            failed=unscored,
        )
        for sound, dialogue in zip(sounds, dialogues, strict=True):
            yield sound, dialogue.turns[0].emotion


def _result(key: str, emotion: Emotion, engine: Engine) -> dict[str, Any]:
    if emotion.reason is not None:
        return {"key": key, "labels": [], "scores": [], "reason": emotion.reason}
    labels = [engine.labels.tokens[column] for column in engine.labels.columns]
    return {"key": key, "labels": labels, "scores": list(emotion.scores.values())}


def _writer(
    folder: str | os.PathLike[str] | None, sounds: Sequence[Input], *, wanted: bool
) -> Callable[[str, FloatArray | None], None]:
    if not folder:  # an empty string is none, as the reference has it
        return lambda _key, _array: None
    if not wanted:
        warn("output_dir stays empty: extract_embedding=False asks for none")
        return ArrayFolder(folder, ()).write
    refuse_shared_keys(sounds)
    return ArrayFolder(folder, [each.key for each in sounds]).write


def _on_hub(model: str | os.PathLike[str], hub: str | None) -> str | os.PathLike[str]:
    if hub is not None and hub not in HUBS:
        raise OptionsError(f"hub is one of {', '.join(HUBS)}, got {hub!r}")
    if hub is None or not isinstance(model, str) or Path(model).exists():
        return model
    owner, _, name = model.rpartition("/")
    is_published = name in PUBLISHED and owner in ("", *HUBS.values())
    return f"{HUBS[hub]}/{name}" if is_published else model


def _check_rate(fs: Any) -> None:
    is_rate = isinstance(fs, Real) and not isinstance(fs, bool)
    if not is_rate or not 0 < fs < math.inf or fs % 1:
        raise OptionsError(f"fs is how many samples a second has, a positive int, got {fs!r:.100}")


def _refuse_others(given: Mapping[str, Any], accepted: frozenset[str], where: str) -> None:
    for name in given:
        if name not in accepted:
            hint = f"; {HINTS[name]}" if name in HINTS else ""
            listed = ", ".join(sorted(accepted))
            raise OptionsError(f"{where} has no argument {name!r}{hint}; without effect: {listed}")
