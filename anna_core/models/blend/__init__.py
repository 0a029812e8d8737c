"""The metamodel: members weighed, and the result calibrated."""
