"""The contract: turns, emotions and dialogues, hooks and plugins, and the one stream of clips."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
