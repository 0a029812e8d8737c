"""What the columns of a sample are called, as users bring it."""

CLIENT, AS_OF = "client_id", "as_of"
TARGET = "target"  # of several labels `target_<name>`
GROUP, SPLIT, WEIGHT = "group_id", "split", "weight"  # may be left out
