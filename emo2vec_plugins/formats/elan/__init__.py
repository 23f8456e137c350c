"""ELAN's annotation documents (.eaf). Reads documents of other origin as well."""
