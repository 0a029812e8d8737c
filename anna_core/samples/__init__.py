"""Samples: an uploaded file read, checked, staged and divided."""
