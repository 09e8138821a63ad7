"""The network: its addresses, who is let in, and how the machines get out."""

from __future__ import annotations

from collections.abc import Iterable

from textual.widget import Widget

from screens import rule_fields
from screens.exposure import anyone
from screens.step import Step
from screens.styles import sheet
from screens.systems import service
from screens.widgets.audience import ANYONE, LIST, MINE, AudienceControl
from screens.widgets.choice import Choice, RadioRow
from screens.widgets.entries import EntriesControl, Kind
from screens.widgets.field import Field, Help
from screens.widgets.space import Space, SpacePicture
from screens.widgets.text import NumberControl, TextControl

SPACE = Help(
    "The addresses of the virtual network, for this and all later subnets. They are private: nobody outside sees them.",
    "An IPv4 range of /2 to /29; not multicast, loopback, link-local, or Azure's own 168.63.129.16.",
    "10.0.0.0/16. Choose another only where this network is to be joined with one that uses it: two joined networks "
    "must not overlap.",
    "It can be made larger later. Moving a machine to another network means making it again.",
)
SUBNET = Help(
    "The part of the space that the machines get their addresses from.",
    "Inside the space, /29 at the smallest. Azure keeps five addresses of every subnet: the network's own, the "
    "gateway, two for DNS, and the broadcast address.",
    "A /24: 251 machines, and 255 more subnets beside it.",
    "A subnet with machines in it cannot be changed. Leave room to grow.",
)
NAME = Help(
    "What the subnet is called.",
    "1 to 80 letters, digits, periods, hyphens and underscores. Names such as GatewaySubnet are Azure's.",
    "What lives in it: web.",
    "It cannot be renamed.",
)
PAGE = Help(
    "Who may reach the page through the balancer. It becomes a rule of the network security group.",
    "IPv4 addresses, ranges, or service tags such as AzureCloud. The rule judges the client's own address: the "
    "balancer does not hide it.",
    "Anyone for a public page; your address while you try things out.",
    "The rule can be changed at any time, without an interruption.",
)
ADMIN = Help(
    "Who may sign in to the machines, through their ports at the balancer.",
    "As above. A Standard balancer lets nobody in until a rule does.",
    "The addresses you come from, and no other. A port that is open to all is found and tried within minutes.",
    "When your address changes, you are locked out until the rule is changed; the machines go on.",
)
OUT = Help(
    "How the machines reach the Internet: for packages, updates and Azure's own services.",
    "Since 2026 a new subnet has no way out of its own. Without one, the first boot runs into time-outs.",
    "A NAT gateway: it gives ports as they are needed and costs by the hour and the gigabyte. An outbound rule of the "
    "balancer costs nothing more, but shares 64,000 ports out evenly. None only for an image that holds all it needs.",
    "It can be changed later; connections that stand are cut.",
)
OUT_ADDRESS = Help(
    "The public address that the outbound rule sends from.",
    "An address has 64,000 ports for it; the balancer's own rules take 8 for each port they use.",
    "One of its own: then the page and what the machines fetch do not share a fate or a reputation.",
    "It can be changed later; others see the machines come from another address.",
)
OUT_PORTS = Help(
    "How many connections to one place each machine can have at a time.",
    "A multiple of 8, and all machines' together at most 64,000.",
    "1,024: enough for a web server, and it leaves room for 62 machines.",
    "More machines need fewer ports each; the rule can be changed, and new connections fail while ports are used up.",
)
_OUT_NOTES = {
    "nat-gateway": "One address for all; nothing comes in.",
    "outbound-rule": "Of the balancer; nothing comes in.",
    "none": "No packages, updates or extensions.",
}
_KEYS = ("network.address_space", "network.subnet", "network.subnet_name", "machines.count")
_AUDIENCES = ("network.allow_http", "network.allow_admin")


class Eights(NumberControl):
    """SNAT ports: they are given out by eights."""

    def __init__(self) -> None:
        from wizard.plan import limits

        super().__init__(limits.OUTBOUND_PORTS.low, limits.OUTBOUND_PORTS.high)

    def step(self, by: int) -> None:
        from wizard.plan import limits

        super().step(by * limits.OUTBOUND_PORTS_STEP)


class NetworkStep(Step):
    """Address space, subnet, who may come in, the way out."""

    step_id = "network"
    CSS = sheet("steps")
    lead = "Where the machines live, and who may reach them."

    def body(self) -> Iterable[Widget]:
        yield Field("network.address_space", "Address space", TextControl(placeholder="10.0.0.0/16"), help=SPACE)
        yield Field("network.subnet", "Subnet", TextControl(placeholder="10.0.1.0/24"), help=SUBNET)
        yield Field("network.subnet_name", "Its name", TextControl(placeholder="web"), help=NAME)
        yield SpacePicture(id="space")
        yield Field("network.allow_http", "Page for", AudienceControl(), help=PAGE)
        admin = service(self.wizard.answers.get("machines.os"))
        yield Field("network.allow_admin", f"{admin} for", AudienceControl(), help=ADMIN)
        ways = (("nat-gateway", "NAT gateway"), ("outbound-rule", "outbound rule"), ("none", "none"))
        yield Field("network.outbound", "Way out", RadioRow([Choice(*way) for way in ways]), help=OUT)
        whose = RadioRow([Choice("own", "one of its own"), Choice("balancer", "the balancer's")])
        yield Field("network.outbound_address", "From address", whose, help=OUT_ADDRESS)
        yield Field("network.outbound_ports", "Ports", Eights(), help=OUT_PORTS, note="for each machine")
        yield Field("network.rules", "Own rules", EntriesControl(self._rules()), help=rule_fields.RULES)

    def _rules(self) -> Kind:
        return Kind(
            "a rule",
            rule_fields.line,
            rule_fields.new,
            rule_fields.fields,
            lambda entries: self.wizard.answers.problems_with("network.rules", tuple(entries)),
            rule_fields.ordered,
        )

    async def prepared(self) -> None:
        for key in (_KEYS[0], *_AUDIENCES, "network.outbound"):
            self.answered(key)
        mine, why = await self._my_address()
        allowed = self.wizard.answers.get("network.allow_admin")
        if mine and self._is_nobodys(allowed, mine) and not self.field("network.allow_admin").touched:
            self.wizard.answers.set("network.allow_admin", (mine,), commit=True)
        for key in _AUDIENCES:
            control = self.field(key).control
            if isinstance(control, AudienceControl):
                control.told_mine(mine, why)
            self.answered(key)

    async def _my_address(self) -> tuple[str, str]:
        from wizard.errors import WizardError

        try:
            answer = await self.wizard.desk.ask("my_address", cloud=self.wizard.answers.get("cloud"))
        except WizardError as error:
            return "", error.what.rstrip(".")
        return str(answer["range"] or ""), str(answer["why"]).rstrip(".")

    def _is_nobodys(self, allowed: object, mine: str) -> bool:
        # The plan's default names this computer as the sandbox sees it. For any other cloud that is nobody.
        return allowed in ((), None) or (allowed == ("127.0.0.1/32",) and mine != "127.0.0.1/32")

    def answered(self, key: str) -> None:
        get = self.wizard.answers.get
        if key in _KEYS:
            self.query_one(SpacePicture).show(Space.read(*(get(each) for each in _KEYS)))
        elif key in _AUDIENCES:
            self.field(key).note = self._note(key)
        elif key == "network.outbound":
            chosen = get(key)
            self.field(key).note = _OUT_NOTES.get(str(chosen), "")
            for own in ("network.outbound_address", "network.outbound_ports"):
                self.field(own).display = chosen == "outbound-rule"

    def _note(self, key: str) -> str:
        control = self.field(key).control
        if not isinstance(control, AudienceControl):
            return ""
        if control.mode == MINE:
            return f"{control.mine.removesuffix('/32')}, as the cloud sees you" if control.mine else ""
        if control.mode == LIST:
            return "Addresses, ranges or service tags."
        if control.mode == ANYONE and key == "network.allow_http":
            return ""
        return "" if anyone(control.answer) else control.why


STEP = NetworkStep
