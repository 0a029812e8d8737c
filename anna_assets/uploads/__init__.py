"""What becomes of the samples in the inbox: the sensor that takes them, and their state for everybody to read."""
