"""The typed door: whatever a column of the bank's holds, turned into the one canonical value of its kind.

A file a kind. Each takes a column by its name and type, as CSV, Parquet, Delta, Iceberg or a sample gives it, and
returns expressions for its values and for what no value can be made of (`typed.Typed`). What a type can never hold is
refused (`typed.UnfitColumnError`). `csv_records.py` looks whether a CSV's columns are where they seem to be,
`parquet_files.py` scans Parquet. No part of this room knows domains or samples.
"""
