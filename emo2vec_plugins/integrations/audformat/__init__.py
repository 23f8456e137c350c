"""audformat integration: annotation of tables, and conversion of dialogues to databases."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
