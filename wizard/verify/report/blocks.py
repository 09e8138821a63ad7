"""What the page's sections are built of: tables, rows of figures, states."""

from __future__ import annotations

from collections.abc import Sequence

from wizard.verify.report import words
from wizard.verify.report.markup import Element, element
from wizard.verify.report.tables import Table

_SHORT = 14  # rows


def table(told: Table) -> Element:
    """A table with its caption; one that is short enough is printed on one page."""
    numeric = told.numeric
    heads = [
        element("th", heading, scope="col", class_="number" if number else None)
        for heading, number in zip(told.headings, numeric, strict=True)
    ]
    rows = [
        element(
            "tr",
            *(
                element("td", _signed(cell), class_="number" if number else None)
                for cell, number in zip(row, numeric, strict=True)
            ),
        )
        for row in told.rows
    ]
    return scroll(
        element(
            "table",
            element("caption", told.caption),
            element("thead", element("tr", *heads)),
            element("tbody", *rows),
            class_="short" if len(told.rows) <= _SHORT else None,
        )
    )


def _signed(cell: str) -> Element | str:
    """A cell that begins with a state's sign is drawn as that state."""
    state = next((name for name, sign in words.SIGNS.items() if cell.startswith(f"{sign} ")), None)
    return element("span", cell, class_=f"state {state}") if state else cell


def scroll(inner: Element) -> Element:
    """A frame that scrolls by itself where the screen is narrower than the table."""
    return element("div", inner, class_="scroll")


def state(name: str) -> Element:
    """A state with its sign and its word."""
    known = name if name in words.SIGNS else "skipped"
    return element("span", f"{words.SIGNS.get(name, '?')} {name}", class_=f"state {known}")


def tiles(told: Sequence[tuple[str, str, str]]) -> Element | None:
    """A row of figures with what each is and what it is to be seen beside."""
    if not told:
        return None
    return element(
        "dl",
        *(
            element("div", element("dt", label), element("dd", figure, element("small", beside) if beside else None))
            for label, figure, beside in told
        ),
        class_="tiles",
    )
