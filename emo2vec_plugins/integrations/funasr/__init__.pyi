from .generate import AutoModel as AutoModel
from .sentences import FunasrTranscript as FunasrTranscript
from .sentences import annotate_sentences as annotate_sentences
