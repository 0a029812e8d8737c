"""What is said to MLflow: into an outbox first, then sent; a server that is ill costs a launch nothing."""
