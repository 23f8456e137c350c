"""What the hosts share: recordings with turns, emotion fields of a record, RTTM files, lists of audio."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
