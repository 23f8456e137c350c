from .memory import anonymous as anonymous
from .memory import watched as watched
