from .files import Segment as Segment
from .folders import KaldiFolder as KaldiFolder
from .folders import KaldiRecording as KaldiRecording
from .folders import annotate_kaldi as annotate_kaldi
from .folders import read_kaldi as read_kaldi
from .results import NAMES as NAMES
from .results import KaldiResults as KaldiResults
from .results import ScoredRecording as ScoredRecording
