"""Marts: a domain's events encoded for models, by month, and what is needed to keep them fresh."""
