"""People's texts in Markdown: shown as they are, and read back as they were."""

import html

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from anna_assets.markdown import bullets, plain

SIGNS = st.text(st.sampled_from("<>&*_`|[]\\~#$!()-ab ;") | st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]))


@given(SIGNS)
def test_a_text_comes_back_as_it_was(text: str) -> None:
    assert html.unescape(plain(text)) == text


def test_what_people_wrote_is_shown_and_is_no_markdown() -> None:
    odd = "'<missing>' of *a_b_c* | `x` [y](z) <b>&lt;</b> \\N"
    shown = MarkdownIt("commonmark").enable("table").render(f"| value |\n|---|\n| {plain(odd)} |")
    assert f"<td>{html.escape(odd, quote=False)}</td>" in shown
    assert MarkdownIt("commonmark").render(bullets([odd])) == f"<ul>\n<li>{html.escape(odd, quote=False)}</li>\n</ul>\n"
    assert bullets([]) == "none"
