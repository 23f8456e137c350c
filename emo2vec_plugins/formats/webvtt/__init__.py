"""WebVTT captions. Reads captions of other origin as well."""
