"""Tasks: what a business problem is, what its settings may say, and the presets. Imports no models."""
