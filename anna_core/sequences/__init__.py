"""Sequences: what each row may see of a domain, cut out of the marts."""
