"""Python source as HTML in a few mid-tone colours that are legible on white and on black alike.

Every highlighter of IPython is made for one background; a notebook does not say which it has.
"""

from __future__ import annotations

import html

COLORS = {
    "keyword": "#C04C86",
    "string": "#43884B",
    "number": "#BB6014",
    "comment": "#7A7A7A",
    "name": "#3079CC",
}


def highlighted(source: str) -> str:
    """HTML spans for the inside of <pre>; without colours where pygments is not installed."""
    try:
        from pygments import highlight
        from pygments.formatters import HtmlFormatter
        from pygments.lexers import PythonLexer
    except ImportError:
        return html.escape(source)
    formatter = HtmlFormatter(style=_style(), noclasses=True, nowrap=True)
    return highlight(source, PythonLexer(stripnl=False), formatter).rstrip("\n")


def _style() -> type:
    from pygments.style import Style
    from pygments.token import Comment, Keyword, Name, Number, Operator, String

    class MidTones(Style):
        background_color = "transparent"
        styles = {
            Keyword: COLORS["keyword"],
            Operator.Word: COLORS["keyword"],
            String: COLORS["string"],
            Number: COLORS["number"],
            Comment: COLORS["comment"],
            Name.Function: COLORS["name"],
            Name.Class: COLORS["name"],
            Name.Decorator: COLORS["name"],
        }

    return MidTones
