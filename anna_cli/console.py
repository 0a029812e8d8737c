"""Where the command speaks: one console for what was asked for, one for complaints."""

import codecs
import io
import sys

from rich.console import Console

# Without markup: a path such as `samples[1].csv` is told as it is, and styles are given beside the text.
CONSOLE = Console(highlight=False, markup=False)
COMPLAINTS = Console(stderr=True, highlight=False, markup=False)

_ERRORS = "anna_plain_signs"
_PLAIN = {"✓": "ok", "✗": "NO", "→": "->", "▶": ">", "■": "#", "…": "...", "–": "-", "−": "-", "·": "-", "×": "x"}


def print_any_sign() -> None:
    """Have signs that the terminal, or a file's encoding, does not know printed as plain ones, or by their numbers.

    Otherwise the command dies of its own `✓`, or of a client's or a file's name.
    """
    codecs.register_error(_ERRORS, _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_ERRORS)


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    unknown = error.object[error.start : error.end]
    plain = (_PLAIN.get(sign) or sign.encode("ascii", "backslashreplace").decode() for sign in unknown)
    return "".join(plain), error.end
