"""A rendered page as a strict parser sees it: every element with its attributes, in order, and the text inside."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = {"meta", "br", "hr", "col", "link", "img", "input"}


@dataclass
class Seen:
    tag: str
    attributes: dict[str, str]
    text: str = ""  # of the element and all inside it
    inside: tuple[str, ...] = ()


@dataclass
class Page(HTMLParser):
    """`unbalanced` is empty when every element was closed in its turn."""

    elements: list[Seen] = field(default_factory=list)
    unbalanced: list[str] = field(default_factory=list)
    _open: list[Seen] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        seen = Seen(tag, {name: value or "" for name, value in attrs}, inside=tuple(each.tag for each in self._open))
        self.elements.append(seen)
        if tag not in _VOID:
            self._open.append(seen)

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1].tag != tag:
            self.unbalanced.append(tag)
        else:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        for seen in self._open:
            seen.text += data

    def all(self, tag: str) -> list[Seen]:
        return [seen for seen in self.elements if seen.tag == tag]


def read(html: str) -> Page:
    page = Page()
    page.feed(html)
    page.close()
    page.unbalanced += [seen.tag for seen in page._open]
    return page
