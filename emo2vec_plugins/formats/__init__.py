"""Annotation formats: one file each, or one folder where a format needs several."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
