"""FunASR's transcripts, with an emotion on every sentence.

``AutoModel(model=..., vad_model=..., punc_model=..., spk_model=...).generate(...)`` gives one
dictionary for each recording, in which ``sentence_info`` lists sentences with their times in
milliseconds and, with a model of speakers, who speaks. They are known by this structure: FunASR
is not needed, and results that were saved as JSON will do.
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
)
from emo2vec_plugins.errors import OptionsError, SourceError
from emo2vec_plugins.integrations import RecordsSession, refuse_frames

SENTENCES = "sentence_info"
"""Where a result lists its sentences."""

WAVEFORM_KEYS = frozenset({"audio", "waveform"})
"""A mapping with one of these is one recording's audio, not that of several by their keys."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FunasrTranscript:
    """A transcript with the audio it is of: a source, for many recordings in one stream.

    Attributes:
        result: One dictionary of those that FunASR's ``generate()`` gives.
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
    """Return FunASR's results with an emotion on every sentence.

    Each sentence of ``sentence_info`` gets the fields that
    `emo2vec_plugins.integrations.with_emotion` writes; everything else is as it
    was, and what was given is not changed.

    Args:
        result: What ``generate()`` gave, or one dictionary of it.
        audio: What was transcribed: for one result anything that
            `emo2vec_plugins.audio.open_audio` opens; for several a list of these in the same
            order, or a mapping from each result's ``key``.
        score: An `Engine`, or anything that keeps the contract of `Scorer`.
        options: The fields' prefix, whether to overwrite labels, to keep embeddings, and to leave
            out frames in which others speak.
        plugins: Those installed, unless given.

    Returns:
        A dictionary for one, a list for a list. Of several, one that cannot be annotated comes
        back as it was, with a warning.

    Raises:
        SourceError: If this is no result of FunASR's, or one that lists no sentences.
        OptionsError: If there are not as many recordings as results, a mapping has none of a
            result's key, or options ask for arrays of frames.
        AudioError: If *audio* is nothing that can be opened.
    """
    wanted = as_options(options)
    refuse_frames(wanted, "a FunASR result")
    # One result raises what went wrong; among several, one that fails must not stop the others.
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
    """The sentences of one result, in their order; those without times are not scored."""

    def __init__(self, source: FunasrTranscript, options: Options) -> None:
        self._result = source.result
        sentences = list(source.result.get(SENTENCES) or ())
        super().__init__(sentences, source.audio, [*map(_turn, sentences)], options)

    def finish(self) -> dict[str, Any]:
        """Return a copy of the result with the emotions; one without sentences gets none."""
        listed = self._result.get(SENTENCES) is not None
        return dict(self._result) | ({SENTENCES: self.records()} if listed else {})


def _turn(sentence: Mapping[str, Any]) -> Turn | str:
    # Where times and punctuation are not of one length, FunASR gives sentences without times.
    start, end, speaker = (sentence.get(name) for name in ("start", "end", "spk"))
    try:
        return Turn(
            start=float(start) / 1000,  # type: ignore[arg-type]
            end=float(end) / 1000,  # type: ignore[arg-type]
            speaker=None if speaker is None else str(speaker),
        )
    except (TypeError, ValueError):
        return f"a sentence needs start <= end, both in milliseconds, got {start!r} to {end!r}"


def _is_result(source: Any) -> TypeGuard[Mapping[str, Any]]:
    if not isinstance(source, Mapping):
        return False
    # Without sentences it is FunASR's all the same: of silence, or with the times of words alone.
    return SENTENCES in source or {"key", "text", "timestamp"} <= source.keys()


def _check(result: Any) -> None:
    """Refuse what is no result of FunASR's, or has text and lists no sentences."""
    if not _is_result(result):
        got = f"{type(result).__name__}: {result!r:.100}"
        raise SourceError(f"a FunASR result is a dictionary with 'sentence_info', got {got}")
    sentences = result.get(SENTENCES)
    if sentences is None and str(result.get("text") or "").strip():
        raise SourceError(
            f"result {result.get('key')!r} lists no sentences: call "
            "generate(..., sentence_timestamp=True), or give the AutoModel a spk_model"
        )
    is_list = isinstance(sentences, list | tuple | None)
    if not is_list or not all(isinstance(each, Mapping) for each in sentences or ()):
        where = f"result {result.get('key')!r}: sentence_info"
        raise SourceError(f"{where} is a list of dictionaries, got {sentences!r:.100}")


def _sources(results: Any, audio: Any) -> list[FunasrTranscript]:
    if isinstance(results, str | bytes) or not isinstance(results, Sequence):
        got = f"{type(results).__name__}: {results!r:.100}"
        raise SourceError(f"expected what FunASR's generate() gives, got {got}")
    if isinstance(audio, Mapping) or (len(results) == 1 and not isinstance(audio, list)):
        return [FunasrTranscript(result=each, audio=_audio_of(each, audio)) for each in results]
    sounds = audio if isinstance(audio, list) else [audio]
    if len(sounds) != len(results):
        raise OptionsError(f"{len(results)} results are of {len(sounds)} recordings of audio")
    pairs = zip(results, sounds, strict=True)
    return [FunasrTranscript(result=each, audio=sound) for each, sound in pairs]


def _audio_of(result: Any, audio: Any) -> Any:
    """Return the sound of one result, of a mapping what it has for the result's key."""
    key = result.get("key") if isinstance(result, Mapping) else None
    if audio is None:
        raise OptionsError(f"result {key!r} does not name its audio: pass Options(audio=...)")
    if not isinstance(audio, Mapping) or not WAVEFORM_KEYS.isdisjoint(audio):
        return audio
    if key not in audio:
        raise OptionsError(f"there is no audio for FunASR result {key!r}, only for {list(audio)}")
    return audio[key]
