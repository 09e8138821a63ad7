"""HTML and SVG as a tree of elements that escapes whatever it is given: there is no way to put text in unescaped.

A template engine would be one more dependency, and one forgotten filter away from a VM's name that runs as a script.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

_VOID = frozenset({"meta", "br", "hr", "col"})
# A line each in the source, for people who read or compare it; none of these minds white space after it.
_LINES = frozenset(
    {"html", "head", "meta", "style", "body", "header", "nav", "main", "section", "footer", "h1", "h2", "h3", "p"}
    | {"ul", "li", "dl", "div", "figure", "figcaption", "table", "caption", "thead", "tbody", "tr"}
    | {"svg", "desc", "defs", "pattern", "marker", "g", "rect", "line", "path", "circle", "text"}
)
# What moves or hides text instead of being text: control characters, halves of surrogate pairs, and the marks that turn
# the writing direction (which can make a name read as another one; Unicode TR 36).
_UNREADABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff\ufffe\uffff]"
)
_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9:-]*")


def visible(text: str) -> str:
    """The text on one line, with what cannot be seen shown as `\\u202e`; line ends and tabs become a space."""
    text = re.sub(r"\s*[\r\n\t]+\s*", " ", text)
    return _UNREADABLE.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


@dataclass(frozen=True)
class Element:
    """One element; its children are elements or plain text."""

    tag: str
    attributes: tuple[tuple[str, str], ...] = ()
    children: tuple[Element | str, ...] = ()

    def __str__(self) -> str:
        pieces: list[str] = []
        _write(self, pieces)
        return "".join(pieces)


Child = Element | str | None
Value = str | float | None


def element(tag: str, *children: Child, **attributes: Value) -> Element:
    """`element("td", "text", class_="state")`. None as a child or a value leaves it out; `_` in a name stands for `-`.

    Numbers are written with one decimal at most: a tenth of a pixel is finer than anyone sees.
    """
    named = tuple(
        (name.rstrip("_").replace("_", "-"), value if isinstance(value, str) else number(value))
        for name, value in attributes.items()
        if value is not None
    )
    return Element(tag, named, tuple(child for child in children if child is not None))


def number(value: float) -> str:
    """A coordinate: `12`, `12.5`."""
    text = f"{value:.1f}"
    text = text.removesuffix(".0")
    return "0" if text == "-0" else text


def joined(items: Iterable[Child], between: str) -> list[Child]:
    """The items with a text between each two."""
    spread: list[Child] = []
    for item in items:
        if spread:
            spread.append(between)
        spread.append(item)
    return spread


def _write(node: Element, pieces: list[str]) -> None:
    if not _NAME.fullmatch(node.tag):
        raise ValueError(f"not a tag: {node.tag!r}")
    pieces.append(f"<{node.tag}")
    for name, value in node.attributes:
        if not _NAME.fullmatch(name) or name.lower().startswith("on"):
            raise ValueError(f"not an attribute: {name!r}")
        pieces.append(f' {name}="{escape(visible(value), quote=True)}"')
    pieces.append(">")
    if node.tag not in _VOID:
        for child in node.children:
            if isinstance(child, Element):
                _write(child, pieces)
            elif node.tag == "style":
                pieces.append(_style(child))
            else:
                pieces.append(escape(visible(child), quote=False))
        pieces.append(f"</{node.tag}>")
    if node.tag in _LINES:
        pieces.append("\n")


def _style(text: str) -> str:
    """A style sheet is raw text in HTML: it ends at the first `</`, so it may not hold one."""
    if "</" in text or "<!" in text:
        raise ValueError("a style sheet that would end its element")
    return text
