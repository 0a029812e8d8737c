"""The corpus: inputs that real banks bring, made by code, each with what is right. A module a kind of input.

`python -m anna_tests.cases.page` writes docs/errors.md from those that are refused.
"""
