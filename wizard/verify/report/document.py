"""report.html: one page that can be attached to a change request, read on any screen, and printed.

The page's own security policy allows its one style sheet (by its hash) and nothing else: even a text that had got past
the escaping could neither run nor load.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from wizard.verify.report import measured, picture, tables, words
from wizard.verify.report.blocks import scroll, state, table, tiles
from wizard.verify.report.facts import Check, Facts
from wizard.verify.report.markup import Child, Element, element
from wizard.verify.report.tables import Table


def page(facts: Facts) -> str:
    """The whole page."""
    sections = [section for section in _sections(facts) if section is not None]
    body = element(
        "body",
        _head(facts),
        _contents(sections),
        element("main", *(_section(*section) for section in sections)),
        _foot(facts),
    )
    return f"<!DOCTYPE html>\n{element('html', _meta(facts), body, lang='en')}"


@cache
def _style() -> str:
    return files("assets").joinpath("report", "page.css").read_text(encoding="utf-8")


def _meta(facts: Facts) -> Element:
    # Browsers judge the hash over the text with line ends as the parser sees them: \n.
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    sign, _ = tables.verdict(facts)
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"{sign}: {facts.deployment}"),
        element("style", _style()),
    )


def _head(facts: Facts) -> Element:
    verdict, told = tables.verdict(facts)
    failed = [(position, check) for position, check in enumerate(facts.checks) if check.state == "failed"]
    causes = [
        element("li", element("a", f"{check.name} {check.target}", href=f"#{_anchor(position)}"), f": {check.detail}")
        for position, check in failed[:8]
    ]
    if len(failed) > len(causes):
        causes.append(element("li", f"… and {len(failed) - len(causes)} more, below"))
    return element(
        "header",
        element(
            "p",
            f"Evidence of {tables.subject(facts)}",
            class_="kicker",
        ),
        element("h1", facts.deployment),
        element(
            "div",
            element("strong", verdict),
            element("p", told),
            element("ul", *causes) if causes else None,
            class_=f"verdict {'passed' if facts.proved else 'failed'}",
        ),
        element(
            "dl",
            *(element("div", element("dt", label), element("dd", text)) for label, text in tables.head(facts)),
            class_="facts",
        ),
        tiles(tables.highlights(facts)),
    )


def _sections(facts: Facts) -> list[tuple[str, str, list[Child]] | None]:
    """Id, heading and contents of each section that there is something to say in."""
    return [
        ("architecture", "Architecture", _architecture(facts)) if picture.can_draw(facts) else None,
        ("checks", "Checks", _checks(facts)) if facts.checks else None,
        ("load", "Load", measured.loads(facts)) if facts.loads else None,
        ("drill", "Failover drill", measured.drill(facts.drill)) if facts.drill is not None else None,
        ("patching", "Patching", measured.patching(facts.patching)) if facts.patching is not None else None,
        ("ramp", "Autoscale", measured.ramp(facts.ramp)) if facts.ramp is not None else None,
        ("resources", "Resources", _resources(facts)) if facts.resources else None,
        ("plan", "Plan", [_plan(facts)]) if facts.plan else None,
        ("versions", "Versions and times", [table(tables.times(facts)), table(tables.versions(facts))]),
    ]


def _section(name: str, heading: str, contents: Sequence[Child]) -> Element:
    return element("section", element("h2", heading), *contents, id=f"section-{name}")


def _contents(sections: Sequence[tuple[str, str, list[Child]]]) -> Element:
    links = [element("li", element("a", heading, href=f"#section-{name}")) for name, heading, _ in sections]
    return element("nav", element("ul", *links), aria_label="Sections")


def _architecture(facts: Facts) -> list[Child]:
    endpoints = tables.endpoints(facts)
    return [
        element("figure", picture.draw(facts)),
        table(endpoints) if endpoints.rows else None,
    ]


def _checks(facts: Facts) -> list[Child]:
    positions = {id(check): position for position, check in enumerate(facts.checks)}
    rows = [
        [words.group_title(group), *(str(sum(check.state == name for check in checks)) for name in words.SIGNS)]
        for group, checks in facts.groups().items()
    ]
    rows.append(["All", *(str(facts.count(name)) for name in words.SIGNS)])
    columns = ["Group", *(f">{sign} {name}" for name, sign in words.SIGNS.items())]
    contents: list[Child] = [table(Table("How the checks ended", columns, rows))]
    for group, checks in facts.groups().items():
        contents.append(element("h3", words.group_title(group)))
        contents.append(_check_table([(positions[id(check)], check) for check in checks]))
    return contents


def _check_table(checks: Sequence[tuple[int, Check]]) -> Element:
    timed = any(check.seconds is not None for _, check in checks)
    heads = ["State", "Check", "Target", "What was found", *(["Time"] if timed else [])]
    head_row = [element("th", head, scope="col", class_="number" if head == "Time" else None) for head in heads]
    rows = [
        element(
            "tr",
            element("td", state(check.state), class_="state"),
            element("td", check.name, class_="name"),
            element("td", check.target, class_="target"),
            element(
                "td",
                check.detail,
                element("span", element("strong", "Cause: "), check.cause, class_="remedy") if check.cause else None,
                *(element("span", element("strong", "Remedy: "), remedy, class_="remedy") for remedy in check.remedies),
            ),
            element("td", words.seconds(check.seconds), class_="number") if timed else None,
            class_=check.state if check.state in {"failed", "warned"} else None,
            id=_anchor(position),
        )
        for position, check in checks
    ]
    return scroll(
        element("table", element("thead", element("tr", *head_row)), element("tbody", *rows), class_="checks")
    )


def _anchor(position: int) -> str:
    return f"check-{position + 1}"


def _resources(facts: Facts) -> list[Child]:
    told = tables.resources(facts)
    rows = [
        element("tr", element("td", _provisioned(row[0]), class_="state"), *(element("td", cell) for cell in row[1:]))
        for row in told.rows
    ]
    heads = [element("th", head, scope="col") for head in told.headings]
    caption = element("caption", told.caption)
    return [scroll(element("table", caption, element("thead", element("tr", *heads)), element("tbody", *rows)))]


def _provisioned(told: str) -> Element:
    good = told.lower() == "succeeded"
    name = "passed" if good else "failed" if told.lower() in {"failed", "canceled"} else "warned"
    return element("span", f"{words.SIGNS[name]} {told or 'unknown'}", class_=f"state {name}")


def _plan(facts: Facts) -> Element:
    """A row group per table of the plan, under its name as TOML writes it."""
    groups = [
        element(
            "tbody",
            element("tr", element("th", f"[{section}]", scope="colgroup", colspan="2", class_="section"))
            if section
            else None,
            *(
                element("tr", element("th", key, scope="row"), element("td", value, class_="code"))
                for key, value in values
            ),
        )
        for section, values in tables.plan(facts)
    ]
    heads = element("tr", element("th", "Key", scope="col"), element("th", "Value", scope="col"))
    caption = element("caption", "What was asked for: plan.toml as it was verified")
    return scroll(element("table", caption, element("thead", heads), *groups, class_="plan"))


def _foot(facts: Facts) -> Element:
    version = f" {facts.version}" if facts.version else ""
    told = f"Written by multivm-wizard{version} from evidence.json, which stands beside this page. It holds no secret."
    return element("footer", element("p", told))
