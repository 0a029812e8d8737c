"""The layers of the graph, in the order in which data passes through them."""
