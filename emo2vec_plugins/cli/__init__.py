"""The command ``emo2vec``, and the parts that commands of plugins share with it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
