"""FunASR: its ``generate()`` on the batched engine, its transcripts, its own network as a back end."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
