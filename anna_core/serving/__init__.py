"""A launch's model by itself, as in an image: `python -m anna_core.serving score` or `serve`."""
