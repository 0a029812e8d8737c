"""One typed handle an artifact: where it lies, how it is read, how it is made whole. `Warehouse` gives them out."""
