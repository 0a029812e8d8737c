"""Aggregates of a row's events: counts, sums, recency. Trees read them as they are, nets by their rank."""
