"""The load balancer: its name, its ports, how it finds out that a machine is dead, and the way to single machines."""

from __future__ import annotations

from collections.abc import Iterable

from textual.widget import Widget
from textual.widgets import Static

from screens.placing import SCALE_SET
from screens.probing import meaning
from screens.step import Step
from screens.styles import sheet
from screens.systems import service
from screens.widgets.choice import Choice, RadioRow
from screens.widgets.field import Field, Help
from screens.widgets.lines import Lines
from screens.widgets.ports import port_lines, ports, range_lines
from screens.widgets.text import ListControl, NumberControl, TextControl

LABEL = Help(
    "A DNS name for the balancer's public address. Without one, clients use the address itself.",
    "3 to 63 lower-case letters, digits and hyphens, beginning with a letter; free in the region. Review asks the "
    "cloud whether it is.",
    "A name as soon as people type it: the address changes when the deployment is made again, the name need not.",
    "It can be changed at any time; clients find the old name gone.",
)
FRONT = Help(
    "The port that clients connect to at the balancer.",
    "1 to 65534, and no two rules of a balancer on one port.",
    "80, which browsers ask for by themselves.",
    "It can be changed at any time; clients must follow.",
)
BACK = Help(
    "The port that the page listens on, on each machine. The balancer sends clients and probes there.",
    "1 to 65535, but not the one of the machines' own sign-in (22, or 3389 on Windows).",
    "80 as well. Another one, such as 8080, where the workload may not use low ports.",
    "The machines' web server is set up for it at their first boot.",
)
PROBE = Help(
    "How the balancer asks each machine whether it is well. HTTP asks for a page and wants exactly 200; TCP only "
    "connects. A machine that fails gets no new connections.",
    "Probes come from 168.63.129.16, which no rule may shut out. The page must need no login: 204, 301 and 401 count "
    "as dead.",
    "HTTP: a TCP probe is content with a web server that accepts and never answers, and one that looks at SSH (22) "
    "would hide a dead application altogether.",
    "It can be changed at any time.",
)
PATH = Help(
    "The page that the probe asks for.",
    "It must begin with / and answer 200 without a login: 204, 301 and 401 take the machine out.",
    "/ to see that the page is served. A path of its own, such as /healthz, where the workload can say more about "
    "itself; it should not fail because a shared database does, or all machines go out at once.",
    "It can be changed at any time; the new path must answer before.",
)
EVERY = Help(
    "Seconds between two probes of one machine.",
    "5 or more.",
    "5: a probe costs next to nothing, and every second more is a second more of failed requests.",
    "It can be changed at any time.",
)
THRESHOLD = Help(
    "How many probes in a row must fail to take a machine out, and pass to bring it back.",
    "1 or more.",
    "2: with 1, a single lost packet takes a machine out; with more, dead ones stay in longer.",
    "It can be changed at any time.",
)
NAT = Help(
    "How the balancer's ports lead to single machines: a rule for each of them, or one rule with a range of ports that "
    "Azure deals out to whoever is behind it.",
    "A rule for each names its port for good. A range gives any of its ports to a machine, and refuses a machine when "
    "none is left. A scale set takes a range alone.",
    "A rule for each: the first machine is always at 50001. A range where machines come and go. Microsoft retires the "
    "older kind, which a rule for each is, on 2027-09-30.",
    "Changing from one to the other renumbers the ports.",
)
FIRST = Help(
    "The balancer's port that leads to the first machine's sign-in, or the first port of the range.",
    "1 to 65534, apart from the page's port.",
    "50001: then the port ends as the machine's name does.",
    "A machine keeps its port as long as it lives.",
)
RANGE = Help(
    "How many ports the range has.",
    "One for each machine at least, 1,000 at most here; machines that find none are refused.",
    "100: room to scale out. With autoscale, no fewer than its maximum.",
    "It can be made longer, as long as the ports behind it are free.",
)
EXPECT = Help(
    "What the load of a verification must show, for it to pass: figures that you hold the page to.",
    "p50, p90, p99, p999 or max with ms or s; errors with a number or %; rps, requests or vms with a number. "
    "Separated by commas, without blanks inside: p99<200ms, errors<0.1%, vms==2.",
    "errors<0.1% to begin with: times depend on the size and on how far away you measure from.",
    "Verify judges by what the plan says when it runs; nothing in Azure knows of it.",
)
_PROBE_KEYS = (
    "balancer.probe_protocol",
    "balancer.probe_path",
    "balancer.probe_interval_s",
    "balancer.probe_threshold",
    "balancer.backend_port",
)
_PORT_KEYS = (
    "prefix",
    "machines.count",
    "balancer.nat",
    "balancer.nat_range",
    "balancer.nat_first_port",
    "balancer.frontend_port",
)
_NAT_NOTES = {"per-vm": "and the next for each machine", "range": "the first of the range"}
MOST, ROOMY, ROOMY_MOST = 6, 34, 14
"""Ports in view, the terminal's lines from which on more are, and how many then."""


class BalancerStep(Step):
    """DNS label, ports, probe, NAT ports."""

    step_id = "balancer"
    CSS = sheet("steps")
    lead = "One public address; every machine behind it answers."

    def body(self) -> Iterable[Widget]:
        from wizard.plan import limits

        yield Field("balancer.dns_label", "DNS name", TextControl(placeholder="none"), help=LABEL)
        yield Field("balancer.frontend_port", "Port", NumberControl(1, limits.FRONTEND_PORT.high), help=FRONT)
        yield Field("balancer.backend_port", "Machines' port", NumberControl(1, limits.BACKEND_PORT.high), help=BACK)
        protocols = RadioRow([Choice("http", "HTTP asks for a page"), Choice("tcp", "TCP")])
        yield Field("balancer.probe_protocol", "Probe", protocols, help=PROBE)
        yield Field("balancer.probe_path", "Path", TextControl(placeholder="/"), help=PATH)
        yield Field("balancer.probe_interval_s", "Probe every", NumberControl(5, 3600), help=EVERY, note="s")
        threshold = NumberControl(limits.PROBE_THRESHOLD.low, limits.PROBE_THRESHOLD.high)
        yield Field("balancer.probe_threshold", "Counts after", threshold, help=THRESHOLD, note="probes in a row")
        yield Static("", id="meaning", markup=False)
        yield from self._sign_in()
        expect = ListControl(placeholder="p99<200ms, errors<0.1%")
        yield Field("verification.expect", "Load must show", expect, help=EXPECT)

    def _sign_in(self) -> Iterable[Widget]:
        from wizard.plan import limits

        get = self.wizard.answers.get
        each = [] if get("machines.placement") == SCALE_SET else [Choice("per-vm", "a port each")]
        ways = RadioRow([*each, Choice("range", "a range of ports")])
        admin = service(get("machines.os"))
        yield Field("balancer.nat", f"{admin} by", ways, help=NAT)
        first = NumberControl(1, limits.FRONTEND_PORT.high)
        yield Field("balancer.nat_first_port", f"First {admin} port", first, help=FIRST)
        size = NumberControl(limits.NAT_RANGE.low, limits.NAT_RANGE.high)
        yield Field("balancer.nat_range", "How many", size, help=RANGE, note="ports")
        yield Lines(most=MOST if self.app.size.height < ROOMY else ROOMY_MOST, id="ports")

    async def prepared(self) -> None:
        for key in ("balancer.dns_label", _PROBE_KEYS[0], "machines.count", "balancer.frontend_port"):
            self.answered(key)

    def answered(self, key: str) -> None:
        get = self.wizard.answers.get
        if key in ("balancer.dns_label", "location"):
            label = get("balancer.dns_label")
            self.field("balancer.dns_label").note = f"{label}.{get('location')}.…" if label else ""
        if key in _PROBE_KEYS:
            self._mean()
        if key in _PORT_KEYS:
            self._show_ports()

    def _show_ports(self) -> None:
        get = self.wizard.answers.get
        ranged = get("balancer.nat") == "range"
        self.field("balancer.nat_range").display = ranged
        self.field("balancer.nat_first_port").note = _NAT_NOTES["range" if ranged else "per-vm"]
        count, first, front = (get(key) for key in ("machines.count", _PORT_KEYS[4], "balancer.frontend_port"))
        windows = get("machines.os") == "windows"
        if ranged:
            lines = range_lines(first, get("balancer.nat_range"), count, front, windows=windows)
        else:
            lines = port_lines(ports(str(get("prefix")), count, first, front, windows=windows))
        self.query_one("#ports", Lines).show(lambda _width: lines)
        self.query_one("#ports").display = bool(lines)

    def _mean(self) -> None:
        protocol, path, interval, threshold, port = (self.wizard.answers.get(key) for key in _PROBE_KEYS)
        self.field("balancer.probe_path").display = protocol != "tcp" or path not in ("", "/")
        shown = self.query_one("#meaning", Static)
        if isinstance(interval, int) and isinstance(threshold, int) and isinstance(port, int):
            told = meaning(str(protocol), str(path), interval, threshold, port)
            shown.update("\n".join((told.out, told.back, told.sees, told.blind)))


STEP = BalancerStep
