"""What `anna doctor` looks at."""
