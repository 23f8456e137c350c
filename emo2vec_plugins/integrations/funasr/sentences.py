"""Annotation of FunASR transcripts, with an emotion on every sentence.

``AutoModel(model=..., vad_model=..., punc_model=..., spk_model=...).generate(...)`` returns one
dictionary for each recording. Its ``sentence_info`` lists sentences with times in milliseconds
and, with a ``spk_model``, speakers. Results are recognised by this structure, so FunASR is not
needed, and results that were saved as JSON also work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from emo2vec_plugins.core import (
    Options,
    Plugins,
    Scorer,
    Turn,
    annotate,
    as_options,
    hookimpl,
    pass_through,
    raise_error,
    shown,
)
from emo2vec_plugins.errors import OptionsError, SourceError
from emo2vec_plugins.integrations import RecordsSession, check_no_frames

SENTENCES = "sentence_info"
"""Key of the sentences in a result."""

WAVEFORM_KEYS = frozenset({"audio", "waveform"})
"""A mapping with one of these keys is the audio of one recording, not a mapping of recordings."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FunasrTranscript:
    """A transcript with its audio: a source for `annotate`, to score many recordings together.

    Attributes:
        result: One dictionary from FunASR's ``generate()``.
        audio: Anything `emo2vec_plugins.audio.open_audio` opens.
    """

    result: Mapping[str, Any]
    audio: Any


def annotate_sentences(
    result: Any,
    audio: Any,
    *,
    score: Scorer,
    options: Options | None = None,
    plugins: Plugins | None = None,
) -> Any:
    """Return copies of FunASR results with an emotion on every sentence.

    Each sentence of ``sentence_info`` gets the fields of
    `emo2vec_plugins.integrations.with_emotion`. Everything else is copied unchanged.

    Args:
        result: The result of ``generate()``, or one of its dictionaries.
        audio: The transcribed audio. For one result, anything that
            `emo2vec_plugins.audio.open_audio` opens. For several results, a list of these in the
            same order, or a mapping from the ``key`` of each result.
        score: An `Engine` or another `Scorer`.
        options: The prefix of the fields, and whether to overwrite labels, to add embeddings, and
            to exclude overlapped frames.
        plugins: The installed plugins by default.

    Returns:
        A dictionary for one result, a list for a list. If one of several results cannot be
        annotated, it is returned unchanged, with a warning.

    Raises:
        SourceError: If *result* is not a FunASR result, or has text but no sentences.
        OptionsError: If there is not one recording for each result, or the options request
            frames.
        AudioError: If *audio* cannot be opened.
    """
    wanted = as_options(options)
    check_no_frames(wanted, "a FunASR result")
    # For a single result, raise errors. One of several must not stop the others.
    one = isinstance(result, Mapping)
    sources = _sources([result] if one else result, audio)
    for source in sources:
        _check(source.result)
    failed = raise_error if len(sources) == 1 else (lambda s, e: pass_through(s.result, e))
    found = [*annotate(sources, score=score, plugins=plugins, options=wanted, failed=failed)]
    return found[0] if one else found


@hookimpl
def emo2vec_open(source: Any, options: Options) -> SentenceSession | None:
    """Open a `FunasrTranscript`, or a FunASR result whose audio is in the options."""
    if not isinstance(source, FunasrTranscript):
        if not _is_result(source):
            return None
        source = FunasrTranscript(result=source, audio=_audio_of(source, options.audio))
    _check(source.result)
    return SentenceSession(source, options)


class SentenceSession(RecordsSession):
    """The sentences of one result, in order. Sentences without times are not scored."""

    def __init__(self, source: FunasrTranscript, options: Options) -> None:
        self._result = source.result
        sentences = list(source.result.get(SENTENCES) or ())
        super().__init__(sentences, source.audio, [*map(_turn, sentences)], options)

    def finish(self) -> dict[str, Any]:
        """Return a copy of the result with emotions; no sentences are added if it has none."""
        listed = self._result.get(SENTENCES) is not None
        return dict(self._result) | ({SENTENCES: self.records()} if listed else {})


def _turn(sentence: Mapping[str, Any]) -> Turn | str:
    # FunASR omits times of sentences if the numbers of punctuation marks and times differ.
    start, end, speaker = (sentence.get(name) for name in ("start", "end", "spk"))
    try:
        return Turn(
            start=float(start) / 1000,  # type: ignore[arg-type]
            end=float(end) / 1000,  # type: ignore[arg-type]
            speaker=None if speaker is None else str(speaker),
        )
    except (TypeError, ValueError):
        return f"expected start <= end of a sentence, in milliseconds, got {shown(start)} to {shown(end)}"


def _is_result(source: Any) -> TypeGuard[Mapping[str, Any]]:
    if not isinstance(source, Mapping):
        return False
    # A FunASR result without sentences is of silence, or has only the times of words.
    return SENTENCES in source or {"key", "text", "timestamp"} <= source.keys()


def _check(result: Any) -> None:
    """Raise SourceError if *result* is not a FunASR result, or has text but no sentences."""
    if not _is_result(result):
        got = f"{type(result).__name__}: {shown(result)}"
        raise SourceError(f"expected a FunASR result with 'sentence_info', got {got}")
    sentences = result.get(SENTENCES)
    if sentences is None and str(result.get("text") or "").strip():
        raise SourceError(
            f"result {shown(result.get('key'))} has no sentences; call "
            "generate(..., sentence_timestamp=True), or use an AutoModel with a spk_model"
        )
    is_list = isinstance(sentences, list | tuple | None)
    if not is_list or not all(isinstance(each, Mapping) for each in sentences or ()):
        raise SourceError(
            f"result {shown(result.get('key'))}: expected a list of dictionaries as sentence_info, "
            f"got {shown(sentences)}"
        )


def _sources(results: Any, audio: Any) -> list[FunasrTranscript]:
    if isinstance(results, str | bytes) or not isinstance(results, Sequence):
        got = f"{type(results).__name__}: {shown(results)}"
        raise SourceError(f"expected the result of FunASR's generate(), got {got}")
    if isinstance(audio, Mapping) or (len(results) == 1 and not isinstance(audio, list)):
        return [FunasrTranscript(result=each, audio=_audio_of(each, audio)) for each in results]
    sounds = audio if isinstance(audio, list) else [audio]
    if len(sounds) != len(results):
        raise OptionsError(f"expected audio for each of {len(results)} results, got {len(sounds)}")
    pairs = zip(results, sounds, strict=True)
    return [FunasrTranscript(result=each, audio=sound) for each, sound in pairs]


def _audio_of(result: Any, audio: Any) -> Any:
    """Return the audio of one result; look up its key if *audio* maps keys to recordings."""
    key = result.get("key") if isinstance(result, Mapping) else None
    if audio is None:
        raise OptionsError(f"result {shown(key)} has no audio; pass Options(audio=...)")
    if not isinstance(audio, Mapping) or not WAVEFORM_KEYS.isdisjoint(audio):
        return audio
    if key not in audio:
        raise OptionsError(f"no audio for FunASR result {shown(key)}, only for {list(audio)}")
    return audio[key]
