"""The metamodel: it weighs its members, and calibrates the result."""
