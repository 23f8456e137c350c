"""Tables with one row per turn: CSV, Parquet and audformat."""
