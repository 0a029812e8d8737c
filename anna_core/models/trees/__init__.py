"""Boosting on aggregates: the trees that the metamodel weighs beside the nets."""
