from .lines import ManifestLine as ManifestLine
from .lines import read_manifest as read_manifest
from .manifests import ManifestSummary as ManifestSummary
from .manifests import annotate_nemo as annotate_nemo
