"""A pyannote pipeline that adds emotions to the result of another diarization pipeline.

Importing this module imports ``pyannote.audio``. Its telemetry is off unless
``PYANNOTE_METRICS_ENABLED`` is set; see `emo2vec_plugins.integrations.pyannote.pyannote_audio`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, MutableMapping
from functools import partial
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

import torch

from emo2vec_plugins.core import (
    DEFAULT_MODEL,
    Clip,
    Emotion,
    End,
    Options,
    Plugins,
    Scorer,
    as_options,
    load_model,
)
from emo2vec_plugins.engine import Engine
from emo2vec_plugins.errors import AudioError, ModelNotFoundError, SourceError
from emo2vec_plugins.integrations.pyannote.checks import check_pipeline
from emo2vec_plugins.integrations.pyannote.diarization import annotate_diarization
from emo2vec_plugins.integrations.pyannote.pyannote_audio import (
    Annotation,
    DiarizeOutput,
    Pipeline,
    decoded,
    validated,
)

STEP = "emotion"
"""Name of the step in progress hooks."""


class EmotionDiarizationPipeline(Pipeline):  # type: ignore[misc]
    """Wraps any pyannote diarization pipeline and adds emotions. Call it like that pipeline.

    Audio is decoded once and passed on as a waveform, so that pyannote does not need FFmpeg.
    pyannote decodes only files that libsndfile cannot read.

    Args:
        diarization: A pipeline that returns a ``DiarizeOutput`` or an ``Annotation``.
        score: An `Engine` or another `Scorer`.
        options: What to keep, and whether to exclude overlapped frames.
        plugins: The installed plugins by default.
    """

    def __init__(
        self,
        diarization: Pipeline,
        *,
        score: Scorer,
        options: Options | None = None,
        plugins: Plugins | None = None,
    ) -> None:
        super().__init__()
        self.diarization = diarization
        self.score = score
        self.options = options
        self.plugins = plugins

    @classmethod
    def from_pretrained(
        cls,
        checkpoint: str | Path | dict[str, Any],
        revision: str | None = None,
        hparams_file: str | Path | None = None,
        subfolder: str | None = None,
        token: str | bool | None = None,
        cache_dir: str | Path | None = None,
        *,
        score: Scorer | None = None,
        options: Options | None = None,
        plugins: Plugins | None = None,
    ) -> EmotionDiarizationPipeline:
        """Load a diarization pipeline as pyannote does, and wrap it.

        Args:
            checkpoint: A folder, a config file, the content of one, or a hub identifier such as
                ``pyannote/speaker-diarization-community-1``.
            revision: Branch, tag or commit on the hub.
            hparams_file: File of hyper-parameters.
            subfolder: Subfolder of the folder or hub repository.
            token: Access token, if you have to accept the conditions of the repository.
            cache_dir: Folder for downloads.
            score: An `Engine` or another `Scorer`. If None, an `Engine` with the default model.
            options: What to keep, whether to exclude overlapped frames, and what the pipeline's
                files may do: ``allow=("pickles",)`` for a folder with models.
            plugins: The installed plugins by default.

        Raises:
            ModelNotFoundError: If the pipeline does not exist or is not available.
            NotAllowedError: If loading it would read pickles, or call classes other than
                pyannote's, and the options do not allow it. A pipeline of pyannote's account on
                the hub needs no permission.
        """
        check_pipeline(checkpoint, as_options(options).permissions, subfolder=subfolder)
        try:
            diarization = Pipeline.from_pretrained(
                checkpoint, revision, hparams_file, subfolder, token, cache_dir
            )
        except Exception as error:
            why = (str(error).splitlines() or [""])[0]
            raise _unavailable(checkpoint, f"{type(error).__name__}: {why}") from error
        if diarization is None:
            raise _unavailable(checkpoint, "pyannote.audio returned None")
        if score is None:
            score = Engine(load_model(DEFAULT_MODEL, plugins=plugins))
        return cls(diarization, score=score, options=options, plugins=plugins)

    def __call__(
        self,
        file: Any,
        preload: bool = False,  # noqa: ARG002 - pyannote's signature
        *,
        hook: Callable[..., Any] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Diarize a file and add emotions. A list of files is processed lazily.

        Args:
            file: A path, a binary file, a pyannote mapping, or the bytes of an audio file; or a
                list of these.
            preload: Ignored; audio is always in memory.
            hook: Called for the steps of the diarization, if it accepts a hook. Then called for
                the step ``emotion``, where ``completed`` and ``total`` count turns.
            **kwargs: Passed to the diarization: ``num_speakers``, ``min_speakers``,
                ``max_speakers``.

        Returns:
            An `EmotionDiarizeOutput`, or an `AnnotatedDiarization` if the diarization is an
            ``Annotation``. For a list, an iterator of (file, result) pairs.

        Raises:
            AudioError: If the audio cannot be decoded, has no samples, or lacks the channel.
            SourceError: If the diarization is of another type.
        """
        if not isinstance(file, list):
            return self.apply(file, hook=hook, **kwargs)
        # One file after the other, because pyannote's batches load all audio at once.
        files = [validated(each) for each in file]
        names = [each["uri"] for each in files]
        if len(set(names)) < len(names):
            raise AudioError(f"expected files with distinct names, got {', '.join(names)}")
        return ((each, self._apply(each, hook, kwargs)) for each in files)

    def apply(self, file: Any, *, hook: Callable[..., Any] | None = None, **kwargs: Any) -> Any:
        """Diarize one file and add emotions, the same as a call of the pipeline."""
        return self._apply(validated(file), hook, kwargs)

    def to(self, device: torch.device) -> EmotionDiarizationPipeline:
        """Move the diarization to *device*, and the emotion model if it has a ``to`` method."""
        super().to(device)
        # A user's scorer may have a ``to`` method; for an Engine, move its back end.
        for part in (self.score, getattr(self.score, "backend", None)):
            move = getattr(part, "to", None)
            if callable(move):
                move(device)
        return self

    def instantiate(self, params: dict[str, Any]) -> EmotionDiarizationPipeline:
        """Set the hyper-parameters of the diarization."""
        self.diarization.instantiate(params)
        return self

    def parameters(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the hyper-parameters of the diarization."""
        return self.diarization.parameters(*args, **kwargs)  # type: ignore[no-any-return]

    def default_parameters(self) -> dict[str, Any]:
        """Return the default hyper-parameters of the diarization."""
        return self.diarization.default_parameters()  # type: ignore[no-any-return]

    def classes(self) -> Any:
        """Return the speaker names of the diarization."""
        return self.diarization.classes()

    def get_metric(self) -> Any:
        """Return the metric of the diarization, which ignores emotions."""
        return self.diarization.get_metric()

    def _apply(
        self,
        file: MutableMapping[str, Any],
        hook: Callable[..., Any] | None,
        kwargs: dict[str, Any],
    ) -> Any:
        sound = decoded(file, as_options(self.options).permissions)
        # Hooks may store values in the file, so they must get the caller's mapping, not the copy.
        report = partial(_report, hook, file) if hook else None
        if report and _takes_hook(self.diarization):
            kwargs = kwargs | {"hook": report}
        found = self.diarization(sound, **kwargs)
        if not isinstance(found, DiarizeOutput | Annotation):
            raise SourceError(
                f"expected a DiarizeOutput or an Annotation from "
                f"{type(self.diarization).__name__}, got {type(found).__name__}"
            )
        score = self.score
        if report:
            speakers = getattr(found, "speaker_diarization", found)
            turns = sum(1 for _ in speakers.itertracks())  # len() counts segments, not tracks
            score = partial(_counted, score, report, turns)
            # `annotate` checks it if frames are requested.
            score.granularity = getattr(self.score, "granularity", "frame")  # type: ignore[attr-defined]
        result = annotate_diarization(
            found,
            sound,
            score=score,
            options=self.options,
            plugins=self.plugins,
            recording=str(sound["uri"]),
        )
        if report:
            report(STEP, result.emotion_diarization)
        return result


def _takes_hook(diarization: Pipeline) -> bool:
    # Remote pipelines, such as that of pyannoteAI, do not accept a hook.
    parameters = signature(diarization.apply).parameters
    kinds = {parameter.kind for parameter in parameters.values()}
    return "hook" in parameters or Parameter.VAR_KEYWORD in kinds


def _report(
    hook: Callable[..., Any], theirs: Any, /, step: str, artifact: Any, **counts: Any
) -> None:
    hook(step, artifact, **counts | {"file": theirs})


def _counted(
    score: Scorer, hook: Callable[..., Any], total: int, items: Iterable[Clip | End]
) -> Iterator[tuple[Clip | End, Emotion | None]]:
    """Score *items* and report the number of scored turns to *hook*."""
    done = 0
    hook(STEP, None, completed=done, total=total)
    for item, emotion in score(items):
        if isinstance(item, Clip):
            done += 1
            hook(STEP, None, completed=done, total=total)
        yield item, emotion


def _unavailable(checkpoint: Any, why: str) -> ModelNotFoundError:
    return ModelNotFoundError(
        f"cannot load the diarization pipeline {checkpoint!r} ({why}); check the network and that "
        "the token's account has accepted the pipeline's conditions, or pass a folder with its "
        "config.yaml"
    )
