"""Training of domain nets on their sequences."""
