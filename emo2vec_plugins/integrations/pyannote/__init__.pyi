from .diarization import DiarizedAudio as DiarizedAudio
from .diarization import annotate_diarization as annotate_diarization
from .pipeline import EmotionDiarizationPipeline as EmotionDiarizationPipeline
