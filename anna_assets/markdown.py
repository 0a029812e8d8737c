"""People's texts in the Markdown of a page: what they wrote is shown as it is, and not taken for Markdown."""

from collections.abc import Iterable

_SIGNS = str.maketrans({sign: f"&#{ord(sign)};" for sign in "&<>*_`|[]\\~#$"})


def plain(text: str) -> str:
    """A text, such as a category's name, with what Markdown takes for signs escaped; `html.unescape` gives it back."""
    return text.translate(_SIGNS)


def bullets(texts: Iterable[str]) -> str:
    """A list of texts; `none` where there are none."""
    return "\n".join(f"- {plain(text)}" for text in texts) or "none"
