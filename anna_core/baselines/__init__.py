"""What a net must beat: a constant, and boosting on aggregates."""
