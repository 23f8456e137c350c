"""Visual reports of dialogues: an HTML page with audio, pictures, and HTML for notebooks."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
