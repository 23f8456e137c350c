"""emotion2vec networks: configuration, checkpoints, hubs, and the back ends that run them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
