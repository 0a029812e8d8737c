"""A simulated bank: hidden clients, their events in three domains, samples of every task type, and the oracle."""
