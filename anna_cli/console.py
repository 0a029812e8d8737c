"""Where the command speaks: one console for what was asked for, one for complaints."""

from rich.console import Console

CONSOLE = Console(highlight=False)
COMPLAINTS = Console(stderr=True, highlight=False)
