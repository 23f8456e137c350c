"""Pictures of a recording's emotions, and of how two judge the same turns, as matplotlib figures.

They need the extra ``pictures``. No window is opened, and nothing of pyplot is touched.
"""

from __future__ import annotations

from emo2vec_plugins.report.confusions import confusion
from emo2vec_plugins.report.drawing import SUFFIXES, rendered, save
from emo2vec_plugins.report.timelines import timeline
from emo2vec_plugins.report.trajectories import trajectories

__all__ = ["SUFFIXES", "confusion", "rendered", "save", "timeline", "trajectories"]
