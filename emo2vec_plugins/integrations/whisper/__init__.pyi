from .segments import WhisperTranscript as WhisperTranscript
from .segments import annotate_segments as annotate_segments
