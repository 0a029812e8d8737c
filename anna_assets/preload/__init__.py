"""What the process imports from which the steps of a run are forked, so that no step imports it again."""
