"""Benchmarks: quality on real data, beside the peers' figures."""
