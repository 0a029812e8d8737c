"""How scores are judged."""
