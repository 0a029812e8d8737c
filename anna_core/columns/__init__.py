"""The typed door: whatever a column of the bank's holds, turned into the one canonical value of its kind.

A file a kind. Each takes a column by its name and type, as CSV, Parquet, Delta, Iceberg or a sample gives it, and
returns expressions for its values and for what no value can be made of (`typed.Typed`). What a type can never hold is
refused (`typed.UnfitColumnError`). `csv_headers.py` reads the names of a CSV's columns, `csv_records.py` looks
whether these are where they seem to be, and `parquet_files.py` scans Parquet. No part of this room knows domains or
samples.
"""
