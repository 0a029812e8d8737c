"""Boosting on aggregates: the trees that the metamodel weights beside the nets."""
