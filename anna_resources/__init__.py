"""What the assets talk to: settings, the warehouse, MLflow."""
