"""Peers: what a user would pick instead. They run in an environment of their own, without ANNA."""
