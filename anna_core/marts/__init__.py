"""Marts: a domain's events encoded for models, by month, and which of them are behind their source."""
