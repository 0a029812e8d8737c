"""Calibration: monotone corrections after which a model's probabilities come true as often as they say."""
