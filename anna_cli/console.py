"""Where the command speaks: one console for what was asked for, one for complaints."""

from rich.console import Console

# Without markup: a path such as `samples[1].csv` is told as it is, and styles are given beside the text.
CONSOLE = Console(highlight=False, markup=False)
COMPLAINTS = Console(stderr=True, highlight=False, markup=False)
