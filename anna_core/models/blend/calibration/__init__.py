"""Calibration: monotone corrections that make a model's scores mean what they say."""
