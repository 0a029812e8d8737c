"""Samples: uploaded files are read, checked, staged and divided."""
