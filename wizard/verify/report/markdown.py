"""report.md: the same facts as plain tables, for a ticket, a pull request or a terminal (GitHub's Markdown)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from wizard.verify.report import charts, tables, words
from wizard.verify.report.facts import Drill, Facts, Load
from wizard.verify.report.markup import visible
from wizard.verify.report.tables import Table

# What could begin an element, an entity, a link, an image, code, emphasis, a table's cell, or a formula.
_SPECIAL = re.compile(r"[\\`*\[\]<>&|~$!{}]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|://|\bwww\.|@")
_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}


def escaped(text: str) -> str:
    """Text that Markdown shows as it is: no element, link, image, mention or formula comes of it."""

    def harmless(found: re.Match[str]) -> str:
        what = found.group()
        if what in _ENTITIES:
            return _ENTITIES[what]
        if what == "://":
            return "&#58;//"  # GitHub makes a link of a bare address; an entity keeps it a text
        if what == "www.":
            return "www&#46;"
        return "&#64;" if what == "@" else f"\\{what}"

    return _SPECIAL.sub(harmless, visible(text))


def document(facts: Facts) -> str:
    """The whole document."""
    verdict, told = tables.verdict(facts)
    parts = [
        f"# {escaped(verdict)}: {escaped(facts.deployment)}",
        escaped(told),
        _table(Table("", ("What", "Value"), tables.head(facts))),
    ]
    endpoints = tables.endpoints(facts)
    if endpoints.rows:
        parts += ["## Where it is reached", _table(endpoints)]
    if facts.checks:
        parts += ["## Checks", *_checks(facts)]
    if facts.loads:
        parts += ["## Load", _table(tables.loads(facts))]
        for position, load in enumerate(facts.loads):
            parts += _load(load, position)
    if facts.drill is not None:
        parts += ["## Failover drill", *_drill(facts.drill)]
    if facts.resources:
        parts += ["## Resources", _table(tables.resources(facts))]
    if facts.plan:
        parts += ["## Plan", *_plan(facts)]
    parts += ["## Versions and times", _table(tables.times(facts)), _table(tables.versions(facts))]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(told: Table) -> str:
    if not told.rows:
        return ""
    lines = [
        _row(told.headings),
        _row(["--:" if number else "---" for number in told.numeric], plain=True),
        *(_row(row) for row in told.rows),
    ]
    return "\n".join(lines)


def _row(cells: Sequence[str], *, plain: bool = False) -> str:
    return f"| {' | '.join(cell if plain else escaped(cell) for cell in cells)} |"


def _checks(facts: Facts) -> list[str]:
    parts: list[str] = []
    for group, checks in facts.groups().items():
        rows = [
            (
                f"{words.SIGNS.get(check.state, '?')} {check.state}",
                check.name,
                check.target,
                f"{check.detail} Remedy: {check.remedy}".strip() if check.remedy else check.detail,
                words.seconds(check.seconds),
            )
            for check in checks
        ]
        parts.append(f"### {escaped(words.group_title(group))}")
        parts.append(_table(Table("", ("State", "Check", "Target", "What was found", ">Time"), rows)))
    return parts


def _load(load: Load, position: int) -> list[str]:
    parts = [
        f"### {escaped(charts.title(load, position))}",
        escaped(tables.conditions(load)),
        escaped(tables.outcomes(load)),
        _table(tables.expectations(load)),
    ]
    if load.by_vm:
        parts += [_table(tables.shares(load)), escaped(words.spread(load.get("spread_p_value")))]
    return parts


def _drill(drill: Drill) -> list[str]:
    told = f"{tables.drill_verdict(drill)}. {drill.vm} was stopped under load and brought back."
    parts = [escaped(told)]
    if drill.promise:
        parts.append(f"Promised: {escaped(drill.promise)}")
    parts += [f"- {escaped(reason)}" for reason in drill.why]
    figures = Table("", ("Figure", ">Value", "Beside"), tables.drill_figures(drill))
    return [*parts, _table(figures), _table(tables.phases(drill)), _table(tables.marks(drill))]


def _plan(facts: Facts) -> list[str]:
    rows = [
        (f"{section}.{key}" if section else key, value)
        for section, values in tables.plan(facts)
        for key, value in values
    ]
    return [_table(Table("", ("Key", "Value"), rows))]
