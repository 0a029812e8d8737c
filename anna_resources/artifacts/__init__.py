"""One typed handle per artifact: where it lies, how to read it, how to write it whole. `Warehouse` makes them."""
