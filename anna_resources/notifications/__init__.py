"""Messages to people and their systems: what one says, where it goes, and those that wait until it got there."""
