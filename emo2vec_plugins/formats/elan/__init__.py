"""ELAN's annotation documents (.eaf): writing, and reading those of others, too."""
