"""Shared by all hosts: recordings with turns, emotion fields, RTTM files and audio lists."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
