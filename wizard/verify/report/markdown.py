"""report.md: the same facts as plain tables, for a ticket, a pull request or a terminal (GitHub's Markdown)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from wizard.verify.report import charts, tables, words
from wizard.verify.report.facts import Check, Drill, Facts, Load, Ramp
from wizard.verify.report.markup import visible
from wizard.verify.report.tables import Table

# What could begin an element, an entity, a link, an image, code, emphasis, a table's cell, a mention or a formula.
_SPECIAL = re.compile(r"[\\`*\[\]<|~$@]|&(?=[#A-Za-z])|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
# What makes a heading, a quotation, a list or a rule at the beginning of a line.
_BLOCK = re.compile(r"[#>+=-]|\d{1,9}(?=[.)](?:\s|$))")
_ADDRESS = re.compile(r"((?:\w+://|\bwww\.)[^\s`|]*[^\s`|.,:;)])")


def escaped(text: str) -> str:
    """Text that Markdown shows as it is: no element, link, image, mention or formula comes of it.

    An address is shown as code: GitHub would make a link of it, and as code it can still be copied from the source.
    """
    pieces = _ADDRESS.split(visible(text))  # addresses are at the odd places
    pieces[::2] = [_SPECIAL.sub(_harmless, piece) for piece in pieces[::2]]
    pieces[1::2] = [f"`{address}`" for address in pieces[1::2]]
    whole = "".join(pieces)
    if found := _BLOCK.match(whole):
        return f"{found.group()}\\{whole[found.end() :]}" if found.group()[0].isdigit() else f"\\{whole}"
    return whole


def _harmless(found: re.Match[str]) -> str:
    return "&#64;" if found.group() == "@" else f"\\{found.group()}"


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
    if facts.patching is not None:
        account = escaped(tables.patching_account(facts.patching))
        parts += ["## Patching", account, _table(tables.patched(facts.patching))]
    if facts.ramp is not None:
        parts += ["## Autoscale", *_ramp(facts.ramp)]
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
                " ".join(_findings(check)),
                words.seconds(check.seconds),
            )
            for check in checks
        ]
        parts.append(f"### {escaped(words.group_title(group))}")
        parts.append(_table(Table("", ("State", "Check", "Target", "What was found", ">Time"), rows)))
    return parts


def _findings(check: Check) -> list[str]:
    detail = check.detail
    more = [f"Cause: {check.cause}."] if check.cause else []
    more += [f"Remedy: {remedy}" for remedy in check.remedies]
    if detail and more and detail[-1] not in ".!?":
        detail += "."
    return [part for part in (detail, *more) if part]


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
    parts = [escaped(f"{tables.drill_verdict(drill)}. {tables.drill_account(drill)}")]
    if drill.promise:
        parts.append(f"Promised: {escaped(drill.promise)}")
    if drill.why:
        parts.append("\n".join(f"- {escaped(reason)}" for reason in drill.why))
    figures = Table("", ("Figure", ">Value", "Beside"), tables.drill_figures(drill))
    told = [table for table in (tables.rounds(drill), tables.phases(drill), tables.marks(drill)) if table.rows]
    return [*parts, _table(figures), *map(_table, told)]


def _ramp(ramp: Ramp) -> list[str]:
    parts = [escaped(f"{tables.ramp_verdict(ramp)}. {tables.ramp_account(ramp)}")]
    if ramp.why:
        parts.append("\n".join(f"- {escaped(reason)}" for reason in ramp.why))
    marks = [(words.seconds(at), what) for at, what in tables.ramp_marks(ramp)]
    readings = [(words.seconds(at), f"{value:.1f} %") for at, value in ramp.cpu]
    return [
        *parts,
        _table(Table("", ("Figure", ">Value", "Beside"), tables.ramp_figures(ramp))),
        _table(Table("", (">After", "What happened"), marks)),
        _table(Table("", (">At", ">Mean CPU"), readings)),
    ]


def _plan(facts: Facts) -> list[str]:
    rows = [
        (f"{section}.{key}" if section else key, value)
        for section, values in tables.plan(facts)
        for key, value in values
    ]
    return [_table(Table("", ("Key", "Value"), rows))]
