"""Nets on sequences of events: inputs, encoders, pooling, heads and outputs."""
