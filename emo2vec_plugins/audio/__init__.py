"""Where audio comes from, and how a turn of it becomes 16 kHz mono samples."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
