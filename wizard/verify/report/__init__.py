"""The evidence of a verification, told to people: report.md and report.html beside evidence.json.

Both are pure functions of the evidence alone, so that an old verification can be rendered again from its evidence.json
at any time, and the same evidence gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

MARKDOWN = "report.md"
HTML = "report.html"


def write(folder: Path, evidence: Mapping[str, Any]) -> None:
    """Write report.md and report.html into `folder`, each in one step. OSError when it cannot be written.

    `evidence` is what evidence.json holds. What it does not hold is left out; only `deployment` is counted on.
    """
    from wizard.home import write_atomically

    write_atomically(folder / MARKDOWN, as_markdown(evidence))
    write_atomically(folder / HTML, as_html(evidence))


def as_html(evidence: Mapping[str, Any]) -> str:
    """One page that needs nothing else: no script, no font, no image, nothing loaded from anywhere."""
    from wizard.verify.report import document, facts

    return document.page(facts.read(evidence))


def as_markdown(evidence: Mapping[str, Any]) -> str:
    """The same facts as plain tables (GitHub's Markdown)."""
    from wizard.verify.report import facts, markdown

    return markdown.document(facts.read(evidence))
