"""Upkeep: what is too old goes, by a policy, and never what a champion or an open request stands on."""
