from .files import Segment as Segment
from .folders import ScoredRecording as ScoredRecording
from .folders import annotate_kaldi as annotate_kaldi
from .folders import read_kaldi as read_kaldi
from .results import KaldiResults as KaldiResults
