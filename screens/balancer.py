"""The load balancer: its name, its ports, how it finds out that a machine is dead, and the way to single machines."""

from __future__ import annotations

from collections.abc import Iterable

from textual.widget import Widget
from textual.widgets import Static

from screens.probing import meaning
from screens.step import Step
from screens.styles import sheet
from screens.widgets.choice import Choice, RadioRow
from screens.widgets.field import Field, Help
from screens.widgets.lines import Lines
from screens.widgets.ports import port_lines, ports
from screens.widgets.text import NumberControl, TextControl

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
    "Probes come from 168.63.129.16, which no rule may shut out.",
    "HTTP: a TCP probe is content with a web server that accepts and never answers.",
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
FIRST = Help(
    "The balancer's port that leads to the first machine's sign-in; each further machine has the next one.",
    "1 to 65534, apart from the page's port. Each is a NAT rule of the balancer.",
    "50001: then the port ends as the machine's name does.",
    "A machine keeps its port as long as it lives.",
)
_PROBE_KEYS = (
    "balancer.probe_protocol",
    "balancer.probe_path",
    "balancer.probe_interval_s",
    "balancer.probe_threshold",
    "balancer.backend_port",
)
_PORT_KEYS = ("prefix", "machines.count", "balancer.nat_first_port", "balancer.frontend_port")
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
        first = NumberControl(1, limits.FRONTEND_PORT.high)
        yield Field(
            "balancer.nat_first_port", "First SSH port", first, help=FIRST, note="and the next for each machine"
        )
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
            rows = ports(
                str(get("prefix")),
                get("machines.count"),
                get("balancer.nat_first_port"),
                get("balancer.frontend_port"),
                windows=get("machines.os") == "windows",
            )
            lines = port_lines(rows)
            self.query_one("#ports", Lines).show(lambda _width: lines)
            self.query_one("#ports").display = bool(rows)

    def _mean(self) -> None:
        protocol, path, interval, threshold, port = (self.wizard.answers.get(key) for key in _PROBE_KEYS)
        self.field("balancer.probe_path").display = protocol != "tcp" or path not in ("", "/")
        shown = self.query_one("#meaning", Static)
        if isinstance(interval, int) and isinstance(threshold, int) and isinstance(port, int):
            told = meaning(str(protocol), str(path), interval, threshold, port)
            shown.update("\n".join((told.out, told.back, told.sees, told.blind)))


STEP = BalancerStep
