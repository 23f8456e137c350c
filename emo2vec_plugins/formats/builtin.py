"""The annotation formats that come with the package."""

from __future__ import annotations

from emo2vec_plugins.formats import Format
from emo2vec_plugins.formats.elan import ELAN
from emo2vec_plugins.formats.jsonl import EMOTIONS_JSONL
from emo2vec_plugins.formats.rttm import EMOTION_RTTM, RTTM, SPKEMO_RTTM
from emo2vec_plugins.formats.textgrid import SHORT_TEXTGRID, TEXTGRID
from emo2vec_plugins.hookspecs import hookimpl


@hookimpl
def emo2vec_formats() -> list[Format]:
    """Offer RTTM in three flavours, lossless JSON lines, and what annotators' tools open."""
    return [
        *(RTTM, EMOTION_RTTM, SPKEMO_RTTM, EMOTIONS_JSONL),
        *(TEXTGRID, SHORT_TEXTGRID, ELAN),
    ]
