"""Tables with a row for each turn: CSV, Parquet, and those of audformat."""
