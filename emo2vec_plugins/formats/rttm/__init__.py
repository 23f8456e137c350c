"""RTTM: one line, and the three formats that differ in its name field."""
