"""Benchmarks: quality on real data and speed, beside the peers."""
