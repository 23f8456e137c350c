"""Audio sources, and the 16 kHz mono samples of their turns."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
