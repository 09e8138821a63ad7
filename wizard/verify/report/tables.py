"""What the report tells in rows, once for the page and once for the Markdown: columns and cells as plain text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wizard.verify.report import charts, words
from wizard.verify.report.facts import Drill, Facts, Load, Patching, Ramp, Resource


@dataclass(frozen=True)
class Table:
    """Columns with a `>` in front hold numbers and stand to the right."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    @property
    def headings(self) -> list[str]:
        return [column.removeprefix(">") for column in self.columns]

    @property
    def numeric(self) -> list[bool]:
        return [column.startswith(">") for column in self.columns]


def verdict(facts: Facts) -> tuple[str, str]:
    """`✓ Proved` or `✗ Not proved`, and the sentence that goes with it."""
    if facts.shortcomings:
        return "✗ Not proved", " ".join(facts.shortcomings)
    counted = [(state, facts.count(state)) for state in ("passed", "warned", "skipped")]
    if facts.count("passed") == len(facts.checks):
        told = f"All {words.count(len(facts.checks), 'check')} passed." if facts.checks else ""
    else:
        told = f"{', '.join(f'{number} {state}' for state, number in counted if number)}; no check failed."
    if held := len(facts.expectations):
        told += " The expectation held." if held == 1 else f" All {held} expectations held."
    if facts.drill is not None:
        told += " The deployment survived the drill."
    if facts.patching is not None:
        told += " Every VM that was to be patched is."
    if facts.ramp is not None:
        told += " Autoscale went out and in again."
    return "✓ Proved", told.strip()


def subject(facts: Facts) -> str:
    """What it is evidence of. What was measured later may stand in a verification's, which has the resources."""
    if facts.resources:
        return "a verification"
    if facts.ramp is not None:
        return "a ramp of autoscale"
    if facts.patching is not None:
        return "a patching"
    return "a failover drill" if facts.drill is not None else "a verification"


def head(facts: Facts) -> list[tuple[str, str]]:
    """What, where, when, how long, by which version."""
    location = facts.plan.get("location")
    told = [
        ("Deployment", facts.deployment),
        ("Cloud", facts.cloud),
        ("Region", location if isinstance(location, str) else ""),
        ("Public address", facts.http),
        ("Subscription", facts.subscription),
        ("Began", words.moment(facts.began) if facts.began else ""),
        ("Took", words.seconds(words.lasted(facts.began, facts.ended))),
        ("Verified by", f"multivm-wizard {facts.version}" if facts.version else ""),
    ]
    return [(label, text) for label, text in told if text and text != words.NOTHING]


def highlights(facts: Facts) -> list[tuple[str, str, str]]:
    """The few figures to look at first: what, how much, and beside what to see it."""
    told: list[tuple[str, str, str]] = []
    if facts.loads:
        load = facts.loads[0]
        requests = load.get("requests")
        told.append(("Requests", f"{words.figure(load.get('rps'))}/s", f"{words.whole(requests)} in all"))
        told.append(("Median latency", words.figure(load.get("p50_ms"), "ms"), "p50"))
        told.append(("Slowest 1 %", words.figure(load.get("p99_ms"), "ms"), "p99"))
        told.append(("Errors", words.whole(load.get("errors")), f"of {words.whole(requests)}"))
        if load.by_vm:
            answered = sum(number > 0 for number in load.by_vm.values())
            told.append(("VMs answering", f"{answered} of {len(load.by_vm)}", ""))
    if facts.drill is not None:
        detected, expected = facts.drill.get("detected_s"), facts.drill.get("expected_detection_s")
        told.append(("Failure detected", seen(detected), f"expected {words.seconds(expected)}"))
    return told


def ramp_verdict(ramp: Ramp) -> str:
    return "✓ Autoscale went out and in again" if ramp.proved else "✗ Autoscale did not go out and in again"


def ramp_account(ramp: Ramp) -> str:
    """By what autoscale went, and what there is of it."""
    rules = ramp.thresholds
    told = ""
    if {"out", "in", "window_min"} <= rules.keys():
        told = (
            f"A VM is added where the mean CPU of all VMs is above {rules['out']:.0f} % over "
            f"{words.count(rules['window_min'], 'minute')}, and one is taken away below {rules['in']:.0f} %."
        )
    if not ramp.cpu:
        told += f" Azure Monitor told no CPU: {ramp.cpu_untold or 'it had no minute of it yet'}."
    return told.strip()


def ramp_figures(ramp: Ramp) -> list[tuple[str, str, str]]:
    """What, how much, and beside what to see it."""
    counts, out, fell = ramp.instances, ramp.get("out_at"), ramp.get("low_from")
    into = ramp.get("in_at")
    back = None if into is None or fell is None else into - fell
    told = [
        ("VMs", f"{words.whole(counts.get('most'))} at most", f"{words.whole(counts.get('first'))} at first"),
        ("One was added", seen(out), "after the load began"),
        ("One was taken", seen(back), "after the load had fallen"),
        ("Failed requests", words.whole(ramp.get("errors")), _part(ramp.get("errors"), ramp.get("requests"))),
    ]
    if ramp.cpu:
        told.insert(1, ("Mean CPU", f"{max(value for _, value in ramp.cpu):.0f} %", "at most"))
    return told


def ramp_marks(ramp: Ramp) -> list[tuple[float, str]]:
    """What happened when, in seconds since the ramp began."""
    told = (("out_at", "a VM was added, the load falls"), ("in_at", "a VM was taken away"))
    return [(at, what) for key, what in told if (at := ramp.get(key)) is not None]


def endpoints(facts: Facts) -> Table:
    """Where each VM is signed into."""
    rows = [("HTTP", "all VMs, through the balancer", facts.http)] if facts.http else []
    rows += [("SSH", vm, place) for vm, place in facts.ssh.items()]
    rows += [("RDP", vm, place) for vm, place in facts.rdp.items()]
    return Table("Where it is reached", ("Protocol", "Leads to", "Address"), rows)


def loads(facts: Facts) -> Table:
    """Throughput and latency of every load."""
    rows = [
        (
            charts.title(load, position),
            words.figure(load.get("seconds"), "s"),
            words.whole(load.get("requests")),
            words.figure(load.get("rps")),
            words.whole(load.get("errors")),
            *(words.figure(value) for _, value in load.percentiles),
        )
        for position, load in enumerate(facts.loads)
    ]
    labels = [f">{label} ms" for label, _ in facts.loads[0].percentiles] if facts.loads else []
    return Table(
        "Throughput, and latency in milliseconds",
        ("Load", ">Time", ">Requests", ">Answers/s", ">Errors", *labels),
        rows,
    )


def conditions(load: Load) -> str:
    """How a load was made, in one sentence."""
    if rate := load.get("offered_rps"):
        parts = [f"open loop, {words.figure(rate)} requests offered a second, each timed from when it was due"]
    else:
        parts = ["closed loop, each connection asks again as soon as it is answered"]
    if connections := load.get("connections"):
        parts.append(f"{words.count(connections, 'connection')} side by side")
    if load.keep_alive is not None:
        parts.append("kept alive" if load.keep_alive else "a new connection per request")
    if load.client and load.client != "lean":
        parts.append(f"sent by {load.client}")
    if cpu := load.get("cpu_seconds"):
        parts.append(f"{words.figure(cpu, 's')} of CPU time to make it")
    told = "; ".join(parts)
    return f"{load.url}: {told}." if load.url else f"{told[0].upper()}{told[1:]}."


def outcomes(load: Load) -> str:
    """Answers by status, errors by kind, what was dropped and what named no VM, in words; empty without any."""
    parts: list[str] = []
    if load.statuses:
        told = ", ".join(f"{words.whole(number)} with status {status}" for status, number in load.statuses.items())
        parts.append(f"Answers: {told}.")
    if load.errors_by_kind:
        told = ", ".join(f"{words.whole(number)} {kind}" for kind, number in load.errors_by_kind.items())
        parts.append(f"Errors: {told}.")
    if load.redirects:
        told = ", ".join(f"{words.whole(number)} to {target}" for target, number in load.redirects.items())
        parts.append(f"Redirects: {told}.")
    if late := load.get("late"):
        parts.append(f"{words.count(late, 'request')} sent more than 10 ms after it was due.")
    if again := load.get("stale_retries"):
        parts.append(f"{words.count(again, 'request')} sent once more, since the server had closed the connection.")
    if dropped := load.get("dropped"):
        parts.append(f"{words.count(dropped, 'request')} due but not sent, since too many were on their way.")
    if unnamed := load.get("unnamed"):
        parts.append(f"{words.count(unnamed, 'answer')} named no VM.")
    return " ".join(parts)


def expectations(load: Load) -> Table:
    rows = [
        ("✓ held" if expected.held else "✗ not held", expected.expression, expected.value)
        for expected in load.expectations
    ]
    return Table("Expectations", ("State", "Expected", "Measured"), rows)


def shares(load: Load) -> Table:
    total = sum(load.by_vm.values())
    rows = [(vm, words.whole(answers), words.percent(answers, total)) for vm, answers in load.by_vm.items()]
    return Table("Share of the answers by VM", ("VM", ">Answers", ">Share"), rows)


def drill_figures(drill: Drill) -> list[tuple[str, str, str]]:
    """The drill's figures: what, how much, and beside what to see it."""
    requests, failed = drill.get("requests"), drill.get("failed")
    told = [
        ("Failure detected", seen(drill.get("detected_s")), _expected(drill)),
        ("Failed requests", words.whole(failed), _part(failed, requests)),
        ("Longest gap", words.seconds(drill.get("longest_gap_s")), "without any answer"),
        (
            "Back in rotation",
            seen(drill.get("back_in_rotation_s")),
            "at most, after the order to restart" if drill.rounds else "after it was started again",
        ),
    ]
    if drill.get("failing_for_s"):
        beside = "at most, in one domain's restart" if drill.rounds else "from first to last failure"
        told.insert(2, ("Failing for", words.seconds(drill.get("failing_for_s")), beside))
    if drill.connections:
        first, *others = [f"{words.whole(number)} {kind}" for kind, number in drill.connections.items()]
        told.append(("Connections", first, ", ".join(others)))
    return told


def drill_account(drill: Drill) -> str:
    """What was done, and the errors by kind, in words."""
    done = "restarted under load, one domain after another" if drill.rounds else "stopped under load"
    told = f"{' and '.join(drill.vms)} {'was' if len(drill.vms) == 1 else 'were'} {done}." if drill.vms else ""
    if drill.gone:
        told += f" Deleted meanwhile, not by the drill: {', '.join(drill.gone)}."
    if drill.errors_by_kind:
        kinds = ", ".join(f"{words.whole(number)} {kind}" for kind, number in drill.errors_by_kind.items())
        told += f" Errors: {kinds}."
    return told.strip()


def seen(after_s: float | None) -> str:
    """When something was seen; a drill that waited in vain has no time to tell."""
    return "not seen" if after_s is None else words.seconds(after_s)


def _expected(drill: Drill) -> str:
    expected = drill.get("expected_detection_s")
    return "" if expected is None else f"{words.seconds(expected)} by interval and threshold"


def _part(failed: float | None, requests: float | None) -> str:
    if failed is None or not requests:
        return ""
    return f"{words.percent(failed, requests)} of {words.whole(requests)}"


def drill_verdict(drill: Drill) -> str:
    return "✓ Survived" if drill.survived else "✗ Did not survive"


def phases(drill: Drill) -> Table:
    rows = [
        (
            phase.name,
            words.seconds(phase.seconds),
            words.whole(phase.requests),
            words.whole(phase.errors),
            words.figure(phase.p50_ms),
            words.figure(phase.p99_ms),
        )
        for phase in drill.phases
    ]
    return Table("Before, during and after", ("Phase", ">Time", ">Requests", ">Errors", ">p50 ms", ">p99 ms"), rows)


def rounds(drill: Drill) -> Table:
    """The restart of each domain, of a rolling drill."""
    rows = [
        (
            each.domain,
            ", ".join(each.vms),
            seen(each.get("detected_s")),
            seen(each.get("back_in_rotation_s")),
            words.whole(each.get("requests")),
            words.whole(each.get("failed")),
            words.seconds(each.get("failing_for_s")),
        )
        for each in drill.rounds
    ]
    heads = ("Domain", "VMs", ">Out of rotation", ">Back", ">Requests", ">Failed", ">Failing for")
    return Table("One domain after another", heads, rows)


def patched(patching: Patching) -> Table:
    """What was installed on each VM, in the order of their turns."""
    rows = [
        (
            each.domain,
            each.vm,
            each.status,
            words.whole(each.figures.get("installed")),
            _RESTARTS.get(each.reboot, each.reboot),
            words.seconds(each.figures.get("seconds")),
        )
        for each in patching.machines
    ]
    return Table("One domain after another", ("Domain", "VM", "Ended", ">Installed", "Restart", ">Took"), rows)


_RESTARTS = {"Completed": "restarted", "NotNeeded": "not needed", "Required": "still to come"}


def patching_account(patching: Patching) -> str:
    """What was done, and what a load beside it saw."""
    vms, installed = (words.whole(patching.get(name)) for name in ("vms", "installed"))
    told = f"{installed} updates were installed on {vms} VMs, one domain after another, each out of rotation meanwhile."
    if patching.get("requests") is None:
        return told
    failed, requests = (words.whole(patching.get(name)) for name in ("failed_requests", "requests"))
    gap = words.seconds(patching.get("longest_gap_s"))
    return f"{told} Of {requests} requests on new connections {failed} failed; the longest gap was {gap}."


def marks(drill: Drill) -> Table:
    rows = [(words.seconds(at), what) for at, what in drill.marks]
    return Table("What happened when", ("After", "What"), rows)


def resources(facts: Facts) -> Table:
    """State, type and name of each, and the id where it does not follow from those and the resource group."""
    group = next((each.id for each in facts.resources if each.type.lower().endswith("/resourcegroups")), "")
    rows = [(each.state or "unknown", each.type, each.name, _odd_id(each, group)) for each in facts.resources]
    width = 4 if any(row[3] for row in rows) else 3
    where = f" in {group}" if group else ""
    caption = f"{words.count(len(rows), 'resource')}{where}, as Azure Resource Manager listed them"
    return Table(caption, ("State", "Type", "Name", "Id")[:width], [row[:width] for row in rows])


def _odd_id(resource: Resource, group: str) -> str:
    expected = {group.lower(), f"{group}/providers/{resource.type}/{resource.name}".lower()}
    return "" if group and resource.id.lower() in expected else resource.id


def plan(facts: Facts) -> list[tuple[str, list[tuple[str, str]]]]:
    """The plan by its tables ("" first: what stands before any), values as TOML writes them."""
    top = [(key, toml(value)) for key, value in facts.plan.items() if not isinstance(value, Mapping)]
    tables = [
        (key, [(name, toml(item)) for name, item in value.items()])
        for key, value in facts.plan.items()
        if isinstance(value, Mapping)
    ]
    return [("", top), *tables]


def toml(value: Any) -> str:
    """A value as TOML writes it; JSON's texts, numbers and lists are TOML's as well."""
    return json.dumps(value, ensure_ascii=False)


def versions(facts: Facts) -> Table:
    told = [
        ("multivm-wizard", facts.version),
        ("Evidence format", facts.evidence),
        ("Python", facts.python),
        ("Platform", facts.platform),
        *facts.libraries.items(),
    ]
    return Table("Versions", ("What", "Version"), [(name, version) for name, version in told if version])


def times(facts: Facts) -> Table:
    told = [("Began", facts.began), ("Ended", facts.ended)]
    rows = [(what, words.moment(at)) for what, at in told if at]
    took = words.lasted(facts.began, facts.ended)
    if took is not None:
        rows.append(("Took", words.seconds(took)))
    return Table("Times", ("What", "When"), rows)
