from .datasets import annotate_dataset as annotate_dataset
from .rows import DatasetOptions as DatasetOptions
