"""Inputs that real banks bring, made by code, and what is right of each.

A *case* bends a sound bank in one way and says what comes of it: rows read and what is counted, or a refusal. A module
a kind. The page docs/errors.md shows every refusal as a user sees it: `python -m anna_tests.cases > docs/errors.md`.
"""
