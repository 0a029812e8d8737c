"""ANNA itself, by the calls that the product makes."""
