"""What the processes import from which runs, and the steps of a run, are forked, so that none imports it again."""
