"""The page's sections on what was measured: loads, the failover drill, the ramp of autoscale, and a patching."""

from __future__ import annotations

from wizard.verify.report import autoscale, charts, series, tables, words
from wizard.verify.report.blocks import table, tiles
from wizard.verify.report.facts import Drill, Facts, Load, Patching, Ramp
from wizard.verify.report.markup import Child, element
from wizard.verify.report.series import Timeline


def loads(facts: Facts) -> list[Child]:
    """All loads side by side, then each by itself."""
    contents: list[Child] = [table(tables.loads(facts))]
    curves = [
        (charts.title(load, position), load) for position, load in enumerate(facts.loads) if charts.has_latency(load)
    ]
    if curves:
        caption = (
            "Latency by percentile: p99 is the time within which 99 of 100 answers came. "
            "Each step up the scale is a multiple, not a sum."
        )
        drawn = charts.latency("latency", curves)
        contents.append(element("figure", drawn, element("figcaption", caption)))
    for position, load in enumerate(facts.loads):
        contents += _load(load, position)
    return contents


def _load(load: Load, position: int) -> list[Child]:
    told = charts.title(load, position)
    contents: list[Child] = [element("h3", told), element("p", tables.conditions(load))]
    if outcomes := tables.outcomes(load):
        contents.append(element("p", outcomes))
    if load.expectations:
        contents.append(table(tables.expectations(load)))
    if load.series:
        timeline = Timeline(load.series, offered_rps=load.get("offered_rps"))
        drawn = series.draw(f"load-{position + 1}-series", f"{told} over time", timeline)
        contents.append(element("figure", drawn))
    if load.by_vm:
        drawn = charts.shares(f"load-{position + 1}-shares", load.by_vm)
        caption = element("figcaption", words.spread(load.get("spread_p_value")))
        contents.append(element("figure", drawn, caption))
    return contents


def drill(drill: Drill) -> list[Child]:
    """What was promised, whether it held, the figures and the timeline."""
    survived = tables.drill_verdict(drill)
    contents: list[Child] = [
        element(
            "div",
            element("strong", survived),
            element("p", tables.drill_account(drill)),
            element("p", f"Promised: {drill.promise}") if drill.promise else None,
            element("ul", *(element("li", reason) for reason in drill.why)) if drill.why else None,
            class_=f"verdict {'passed' if drill.survived else 'failed'}",
        ),
        tiles(tables.drill_figures(drill)),
    ]
    if drill.series:
        timeline = Timeline(drill.series, drill.marks, drill.vms, drill.get("offered_rps"))
        drawn = series.draw("drill-series", "The drill over time", timeline)
        caption = "Dotted lines mark what was done and seen. Latency is of the answers in each slice of time."
        if rate := drill.get("offered_rps"):
            caption += f" The dashed line is the load that was offered: {words.figure(rate)} requests a second."
        contents.append(element("figure", drawn, element("figcaption", caption)))
    told = (tables.rounds(drill), tables.phases(drill), tables.marks(drill))
    contents += [table(each) for each in told if each.rows]
    return contents


def patching(patching: Patching) -> list[Child]:
    """What was installed where, and what users saw of it."""
    return [element("p", tables.patching_account(patching)), table(tables.patched(patching))]


def ramp(ramp: Ramp) -> list[Child]:
    """Whether autoscale went both ways, the figures, and its course."""
    contents: list[Child] = [
        element(
            "div",
            element("strong", tables.ramp_verdict(ramp)),
            element("p", tables.ramp_account(ramp)),
            element("ul", *(element("li", reason) for reason in ramp.why)) if ramp.why else None,
            class_=f"verdict {'passed' if ramp.proved else 'failed'}",
        ),
        tiles(tables.ramp_figures(ramp)),
    ]
    if ramp.turns:
        caption = (
            "The CPU is what Azure Monitor told, by the minute for which it held; autoscale takes the mean over its "
            "window. Dashed lines are its thresholds."
        )
        drawn = autoscale.draw("ramp-course", ramp)
        contents.append(element("figure", drawn, element("figcaption", caption) if ramp.cpu else None))
    return contents
