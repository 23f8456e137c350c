from .datasets import annotate_dataset as annotate_dataset
