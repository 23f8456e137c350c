"""A pyannote pipeline that diarizes with another one, and adds emotions.

Importing this module imports ``pyannote.audio``, with its telemetry off unless
``PYANNOTE_METRICS_ENABLED`` says otherwise; see `emo2vec_plugins.integrations.pyannote.pyannote_audio`.
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
    load_model,
)
from emo2vec_plugins.engine import Engine
from emo2vec_plugins.errors import AudioError, ModelNotFoundError, SourceError
from emo2vec_plugins.integrations.pyannote.diarization import annotate_diarization
from emo2vec_plugins.integrations.pyannote.pyannote_audio import (
    Annotation,
    DiarizeOutput,
    Pipeline,
    decoded,
    validated,
)

STEP = "emotion"
"""Name of the step that progress hooks get."""


class EmotionDiarizationPipeline(Pipeline):  # type: ignore[misc]
    """Diarizes with any pyannote pipeline, is called like it, and adds emotions.

    Audio is decoded here, once, and handed to that pipeline as a waveform, so that nothing
    depends on FFmpeg; what only FFmpeg reads is left to pyannote.

    Args:
        diarization: Gives a ``DiarizeOutput``, or an ``Annotation``.
        score: An `Engine`, or anything that keeps the contract of `Scorer`.
        options: What to keep, and whether to leave out frames in which others speak.
        plugins: Those installed, unless given.
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
            checkpoint: A folder, a config file, its content, or a hub's identifier such as
                ``pyannote/speaker-diarization-community-1``.
            revision: The hub's branch, tag or commit.
            hparams_file: Hyper-parameters to load.
            subfolder: Of the folder or the hub's repository.
            token: For a repository whose conditions must be accepted first.
            cache_dir: Where downloads are kept.
            score: An `Engine` with the default model if None.
            options: What to keep, and whether to leave out frames in which others speak.
            plugins: Those installed, unless given.

        Raises:
            ModelNotFoundError: If there is no such pipeline, or it is not available.
        """
        try:
            diarization = Pipeline.from_pretrained(
                checkpoint, revision, hparams_file, subfolder, token, cache_dir
            )
        except Exception as error:
            why = (str(error).splitlines() or [""])[0]
            raise _unavailable(checkpoint, f"{type(error).__name__}: {why}") from error
        if diarization is None:
            raise _unavailable(checkpoint, "pyannote.audio gave none")
        if score is None:
            score = Engine(load_model(DEFAULT_MODEL, plugins=plugins))
        return cls(diarization, score=score, options=options, plugins=plugins)

    def __call__(
        self,
        file: Any,
        preload: bool = False,  # noqa: ARG002 - audio always is
        *,
        hook: Callable[..., Any] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Diarize a file, or lazily each of a list of files, and add emotions.

        Args:
            file: What pyannote takes (a path, a binary file, a mapping), or an audio file's
                bytes; or a list of these.
            preload: For pyannote's sake; audio is always in memory.
            hook: Called with the steps of the diarization, if that takes hooks, then with
                ``emotion``, with ``completed`` and ``total`` counting turns.
            **kwargs: For the diarization: ``num_speakers``, ``min_speakers``, ``max_speakers``.

        Returns:
            An `EmotionDiarizeOutput`, or, where the diarization is an ``Annotation``, an
            `AnnotatedDiarization`; for a list, an iterator of pairs of file and that.

        Raises:
            AudioError: If the audio cannot be decoded, has no samples, or lacks the channel.
            SourceError: If the diarization gives anything else.
        """
        if not isinstance(file, list):
            return self.apply(file, hook=hook, **kwargs)
        # One after the other, not as one batch of pyannote's: that holds all audio at once.
        files = [validated(each) for each in file]
        names = [each["uri"] for each in files]
        if len(set(names)) < len(names):
            raise AudioError(f"files in one list need distinct names, got {', '.join(names)}")
        return ((each, self._apply(each, hook, kwargs)) for each in files)

    def apply(self, file: Any, *, hook: Callable[..., Any] | None = None, **kwargs: Any) -> Any:
        """Diarize one file and add emotions, as calling the pipeline does."""
        return self._apply(validated(file), hook, kwargs)

    def to(self, device: torch.device) -> EmotionDiarizationPipeline:
        """Send the diarization to *device*, and the emotion model if it can be moved."""
        super().to(device)
        # A scorer of the user's may have a method of its own; an Engine's back end is moved.
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
        """Return the names that the diarization gives to speakers."""
        return self.diarization.classes()

    def get_metric(self) -> Any:
        """Return the diarization's own metric, which ignores emotions."""
        return self.diarization.get_metric()

    def _apply(
        self,
        file: MutableMapping[str, Any],
        hook: Callable[..., Any] | None,
        kwargs: dict[str, Any],
    ) -> Any:
        sound = decoded(file)
        # Hooks may keep things in the file that they get: it must be the caller's, not our copy.
        report = partial(_report, hook, file) if hook else None
        if report and _takes_hook(self.diarization):
            kwargs = kwargs | {"hook": report}
        found = self.diarization(sound, **kwargs)
        if not isinstance(found, DiarizeOutput | Annotation):
            gave = f"{type(self.diarization).__name__} gave {type(found).__name__}"
            raise SourceError(f"expected a DiarizeOutput or an Annotation: {gave}")
        score = self.score
        if report:
            speakers = getattr(found, "speaker_diarization", found)
            turns = sum(1 for _ in speakers.itertracks())  # len() counts segments, not tracks
            score = partial(_counted, score, report, turns)
            # Asked for by `annotate`, which refuses frames of an engine that keeps none.
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
    # Pipelines that run elsewhere, pyannoteAI's for one, take none.
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
    """Score, and call *hook* with how many turns are done."""
    done = 0
    hook(STEP, None, completed=done, total=total)
    for item, emotion in score(items):
        if isinstance(item, Clip):
            done += 1
            hook(STEP, None, completed=done, total=total)
        yield item, emotion


def _unavailable(checkpoint: Any, why: str) -> ModelNotFoundError:
    return ModelNotFoundError(
        f"the diarization pipeline {checkpoint!r} could not be loaded ({why}): pass a folder with "
        "its config.yaml, or a token whose owner has accepted its conditions"
    )
