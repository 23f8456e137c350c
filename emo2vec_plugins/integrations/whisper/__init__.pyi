from .segments import WhisperTranscript as WhisperTranscript
from .segments import annotate_segments as annotate_segments
from .speakers import SpeakerTurns as SpeakerTurns
from .speakers import read_speaker_turns as read_speaker_turns
