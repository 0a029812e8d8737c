"""Scoring: all clients as of a date, by all models of a launch."""
