"""Checks before time is spent on training: columns that give the target away, and test rows unlike the others."""
