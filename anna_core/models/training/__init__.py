"""Training: domain nets on their sequences, the metamodel on their vectors."""
