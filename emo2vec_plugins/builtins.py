"""The composition root: the one list of built-in plugins.

Built-in plugins use the same hooks as installed ones. No other module names them: the core depends
on hooks only and loads only the plugins in this list.
"""

from typing import Any

from emo2vec_plugins.core import compose

BUILT_IN = {
    "models": "emo2vec_plugins.models.published",
    "onnx": "emo2vec_plugins.models.onnx.plugin",
    "formats": "emo2vec_plugins.formats.plugin",
    "recordings": "emo2vec_plugins.integrations.recordings",
    "funasr": "emo2vec_plugins.integrations.funasr.sentences",
    "funasr_reference": "emo2vec_plugins.integrations.funasr.reference",
    "huggingface": "emo2vec_plugins.integrations.huggingface.datasets",
    "kaldi": "emo2vec_plugins.integrations.kaldi.folders",
    "nemo": "emo2vec_plugins.integrations.nemo.manifests",
    "whisper": "emo2vec_plugins.integrations.whisper.segments",
    "pyannote": "emo2vec_plugins.integrations.pyannote.diarization",
    "lhotse": "emo2vec_plugins.integrations.lhotse.cuts",
    "commands": "emo2vec_plugins.cli.plugin",
    "training": "emo2vec_plugins.training.plugin",
    "evaluation": "emo2vec_plugins.evaluation.plugin",
    "review": "emo2vec_plugins.review.plugin",
    "bench": "emo2vec_plugins.bench.plugin",
}
"""Name and module of each plugin, imported in this order when plugins are first needed.

The last registered plugin is called first, after all installed ones. So the plugins for the most
common sources come last, and the plugin that opens any path comes before the other openers.
"""


def _html(value: Any) -> str:
    from emo2vec_plugins.report import notebook_html

    return notebook_html(value)


compose(BUILT_IN, html=_html)
