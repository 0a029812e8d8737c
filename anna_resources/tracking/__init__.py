"""What launches report to MLflow: it goes into an outbox first, so that a sick server costs a launch nothing."""
