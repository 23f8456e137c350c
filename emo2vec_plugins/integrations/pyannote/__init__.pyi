from .checks import check_pipeline as check_pipeline
from .diarization import AnnotatedDiarization as AnnotatedDiarization
from .diarization import DiarizedAudio as DiarizedAudio
from .diarization import annotate_diarization as annotate_diarization
from .pipeline import EmotionDiarizationPipeline as EmotionDiarizationPipeline
from .pyannote_audio import EmotionDiarizeOutput as EmotionDiarizeOutput
