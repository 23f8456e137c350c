"""The annotation formats that come with the package."""

from __future__ import annotations

from emo2vec_plugins.core import Format, hookimpl
from emo2vec_plugins.formats.audacity import AUDACITY
from emo2vec_plugins.formats.elan.writing import ELAN
from emo2vec_plugins.formats.emotionml.writing import EMOTIONML
from emo2vec_plugins.formats.jsonl import EMOTIONS_JSONL
from emo2vec_plugins.formats.labelstudio.writing import LABELSTUDIO
from emo2vec_plugins.formats.rttm import EMOTION_RTTM, RTTM, SPKEMO_RTTM
from emo2vec_plugins.formats.seglst import SEGLST
from emo2vec_plugins.formats.tables.audformat import AUDFORMAT
from emo2vec_plugins.formats.tables.csv import TABLE_CSV
from emo2vec_plugins.formats.tables.parquet import TABLE_PARQUET
from emo2vec_plugins.formats.textgrid import SHORT_TEXTGRID, TEXTGRID
from emo2vec_plugins.formats.webvtt.writing import WEBVTT


@hookimpl
def emo2vec_formats() -> list[Format]:
    """Return the built-in formats: RTTM, JSON lines, tables, and those of annotation tools."""
    return [
        *(RTTM, EMOTION_RTTM, SPKEMO_RTTM, EMOTIONS_JSONL),
        *(TABLE_CSV, TABLE_PARQUET, AUDFORMAT, SEGLST),
        *(TEXTGRID, SHORT_TEXTGRID, ELAN),
        *(LABELSTUDIO, EMOTIONML, WEBVTT, AUDACITY),
    ]
