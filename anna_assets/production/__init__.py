"""Production: who is champion of a task, and the scores that it gives all clients as each month ends."""
