"""Text of people's data in the Markdown of a page: what they wrote is shown, and not taken for signs of Markdown's."""

from collections.abc import Iterable

_SIGNS = str.maketrans({sign: f"&#{ord(sign)};" for sign in "&<>*_`|[]\\~#$"})


def plain(text: str) -> str:
    """A text, such as a category's name, as it is; `html.unescape` gives it back."""
    return text.translate(_SIGNS)


def bullets(texts: Iterable[str]) -> str:
    """A list of texts; `none` where there are none."""
    return "\n".join(f"- {plain(text)}" for text in texts) or "none"
