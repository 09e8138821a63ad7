"""Legal plans for hypothesis: every key moves, within Azure's rules and what deploys."""

from __future__ import annotations

import ipaddress
import string

from hypothesis import strategies as st

from wizard.plan.model import (
    Access,
    Auth,
    Balancer,
    Caching,
    DataDisk,
    Diagnostics,
    Direction,
    Layout,
    Lock,
    Machines,
    Management,
    Nat,
    Network,
    Outbound,
    OutboundAddress,
    Patching,
    Placement,
    Plan,
    ProbeProtocol,
    Rule,
    RuleProtocol,
    ScaleSet,
    SecurityType,
    Storage,
    Verification,
)

ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPf1vNBUuAr3BYhDdnbyh5cXSHKYDsYCYJDSAeN2dSKN somebody@here"

EXPECTATIONS = ("p99<200ms", "errors<0.1%", "vms==2", "rps > 500")

WORKSPACE = (
    "/subscriptions/00000000-0000-0000-0000-000000000009/resourceGroups/logs"
    "/providers/Microsoft.OperationalInsights/workspaces/main"
)

URN = "canonical:ubuntu-24_04-lts:server:24.04.1"
ALNUM = string.ascii_letters + string.digits


def _text(alphabet: str, low: int, high: int) -> st.SearchStrategy[str]:
    return st.text(alphabet, min_size=low, max_size=high)


def _framed(first: str, middle: str, last: str, high: int) -> st.SearchStrategy[str]:
    return st.builds(lambda a, b, c: a + b + c, _text(first, 1, 1), _text(middle, 0, high - 2), _text(last, 1, 1))


groups = _framed(ALNUM, ALNUM + "-_.()", ALNUM + "-_()", 90)
prefixes = _framed(ALNUM, ALNUM + "-", ALNUM + "-", 59)
locations = _framed(string.ascii_lowercase, string.ascii_lowercase + string.digits, string.ascii_lowercase, 20)
printable = st.characters(codec="utf-8")
tags = st.dictionaries(
    st.text(st.characters(codec="utf-8", exclude_characters="<>%&\\?/"), min_size=1, max_size=20).filter(
        lambda name: name.strip() and not name.lower().startswith(("microsoft", "azure", "windows", "multivm-wizard"))
    ),
    st.text(printable, max_size=30),
    max_size=4,
).filter(lambda pairs: len({name.lower() for name in pairs}) == len(pairs))

_addresses = st.ip_addresses(v=4).map(str)
_ranges = st.builds(
    lambda address, bits: str(ipaddress.IPv4Network((int(address), bits), strict=False)),
    st.ip_addresses(v=4),
    st.integers(0, 32),
)
sources = st.lists(
    st.one_of(_addresses, _ranges, st.sampled_from(["Internet", "VirtualNetwork", "AzureCloud.westeurope", "*"])),
    min_size=1,
    max_size=5,
).map(tuple)


_own_rules = st.builds(
    Rule,
    access=st.just(Access.ALLOW),
    direction=st.sampled_from(Direction),
    protocol=st.sampled_from([RuleProtocol.TCP, RuleProtocol.UDP, RuleProtocol.ANY]),
    source=st.one_of(st.lists(_ranges, min_size=1, max_size=3).map(tuple), st.just(("VirtualNetwork",))),
    destination=st.one_of(st.lists(_addresses, min_size=1, max_size=3).map(tuple), st.just(("*",))),
    ports=st.lists(st.sampled_from(["80", "8000-8080", "*"]), min_size=1, max_size=3, unique=True).map(tuple),
)
rules = st.lists(_own_rules, max_size=4).map(
    lambda found: tuple(
        rule.model_copy(update={"name": f"own-{number}", "priority": 100 + 5 * number})
        for number, rule in enumerate(found)
    )
)
disks = st.lists(
    st.builds(
        DataDisk,
        size_gb=st.integers(1, 4095),
        type=st.sampled_from(["Premium_LRS", "StandardSSD_LRS"]),
        caching=st.sampled_from([Caching.NONE, Caching.READ_ONLY]),
    ),
    max_size=3,
).map(tuple)


@st.composite
def networks(draw: st.DrawFn, count: int) -> Network:
    space = ipaddress.IPv4Network((int(ipaddress.IPv4Address(draw(st.sampled_from(["10.0.0.0", "172.16.0.0"])))), 16))
    needed = 32 - (count + 4).bit_length()
    bits = draw(st.integers(17, min(needed, 29)))
    index = draw(st.integers(0, 2 ** (bits - 16) - 1))
    return Network(
        address_space=str(space),
        subnet_name=draw(st.sampled_from(["web", "a", "Web_1", "front.end-"[:-1]])),
        subnet=str(ipaddress.IPv4Network((int(space.network_address) + index * 2 ** (32 - bits), bits))),
        allow_http=draw(sources),
        allow_admin=draw(sources),
        rules=draw(rules),
        outbound=draw(st.sampled_from(Outbound)),
        outbound_address=draw(st.sampled_from(OutboundAddress)),
        outbound_ports=draw(st.integers(1, 60_000 // count // 8)) * 8,
    )


@st.composite
def balancers(draw: st.DrawFn, count: int) -> Balancer:
    size = draw(st.integers(count, 400))
    first = draw(st.integers(2000, 65534 - size + 1))
    return Balancer(
        dns_label=draw(st.sampled_from(["", "web", "a-1-b"])),
        frontend_port=draw(st.integers(1, 1999)),
        backend_port=draw(st.integers(1, 65535).filter(lambda port: port != 22)),
        probe_protocol=draw(st.sampled_from(ProbeProtocol)),
        probe_path=draw(st.sampled_from(["/", "/healthz", "/a/b.html?x=1%20y", "//deep//er", "/it's;(ok)"])),
        probe_interval_s=draw(st.integers(5, 300)),
        probe_threshold=draw(st.integers(1, 10)),
        nat=draw(st.sampled_from(Nat)),
        nat_first_port=first,
        nat_range=size,
    )


@st.composite
def scale_sets(draw: st.DrawFn, count: int) -> ScaleSet:
    return ScaleSet(
        zones=draw(st.booleans()),
        autoscale=draw(st.booleans()),
        minimum=draw(st.integers(1, count)),
        maximum=count,
        cpu_out_percent=draw(st.integers(60, 99)),
        cpu_in_percent=draw(st.integers(1, 29)),
        window_min=draw(st.integers(5, 720)),
        cooldown_min=draw(st.integers(1, 10080)),
        health=True,
        repairs=draw(st.booleans()),
        repairs_grace_min=draw(st.integers(10, 90)),
    )


@st.composite
def diagnostics(draw: st.DrawFn) -> Diagnostics:
    account, workspace = draw(st.booleans()), draw(st.sampled_from(["", "new", WORKSPACE]))
    kept = bool(account or workspace)  # events and metrics need a place to go to
    return Diagnostics(
        boot=draw(st.booleans()),
        storage_account=account,
        workspace=workspace,
        health_events=kept and draw(st.booleans()),
        metrics=kept and draw(st.booleans()),
        guest_metrics=bool(workspace) and draw(st.booleans()),
    )


@st.composite
def management(draw: st.DrawFn, *, own_group: bool) -> Management:
    return Management(
        lock=draw(st.sampled_from(Lock)) if own_group else Lock.NONE,
        patching=draw(st.sampled_from(Patching)),
        keep_disks=draw(st.booleans()),
    )


@st.composite
def plans(draw: st.DrawFn, most: int = 200) -> Plan:
    count = draw(st.integers(1, most))
    faults = draw(st.integers(1, 3))
    auth = draw(st.sampled_from(Auth))
    existing_group = draw(st.booleans())
    plan = Plan(
        cloud=draw(st.sampled_from(["sandbox", "public", "usgov", "china", "https://management.local.example:8443"])),
        name=draw(groups),
        existing_group=existing_group,
        location=draw(locations),
        prefix=draw(prefixes),
        tags=draw(tags),
        machines=Machines(
            count=count,
            image=draw(st.sampled_from(["ubuntu-24.04", "debian-12", "rhel-9", URN])),
            size=draw(st.sampled_from(["Standard_D2s_v5", "Standard_B2ats_v2", "Standard_M8-2ms"])),
            placement=draw(st.sampled_from([Placement.AVAILABILITY_SET, Placement.ZONES])),
            zones=draw(st.lists(st.sampled_from(["1", "2", "3"]), min_size=1, max_size=3, unique=True).map(tuple)),
            os_disk_caching=draw(st.sampled_from(Caching)),
            os_disk_gb=draw(st.sampled_from([0, 64, 4095])),
            data_disks=draw(disks),
            security_type=draw(st.sampled_from([SecurityType.AUTO, SecurityType.STANDARD])),
            encryption_at_host=draw(st.booleans()),
            fault_domains=faults,
            update_domains=1 if faults == 1 else draw(st.integers(1, 20)),
            admin_user=draw(st.sampled_from(["azureuser", "_x", "ops-1", "a" * 32])),
            auth=auth,
            ssh_key=ED25519 if auth is Auth.SSH_KEY else "",
            os_disk=draw(st.sampled_from(["Premium_LRS", "StandardSSD_LRS", "Standard_LRS"])),
        ),
        scale_set=draw(scale_sets(count)),
        network=draw(networks(count)),
        balancer=draw(balancers(count)),
        diagnostics=draw(diagnostics()),
        management=draw(management(own_group=not existing_group)),
        verification=Verification(expect=tuple(draw(st.lists(st.sampled_from(EXPECTATIONS), max_size=3)))),
    )
    return unmanaged(plan) if draw(st.integers(0, 3)) == 0 else plan


def unmanaged(plan: Plan) -> Plan:
    """The plan with a storage account for each machine, as far as that goes."""
    machines = plan.machines
    of_one_type = tuple(disk.model_copy(update={"type": "Premium_LRS"}) for disk in machines.data_disks)
    more = {
        "placement": Placement.AVAILABILITY_SET,
        "os_disk": "Premium_LRS",
        "data_disks": of_one_type,
        "encryption_at_host": False,
    }
    return plan.model_copy(
        update={
            "cloud": plan.cloud if "://" in plan.cloud else "sandbox",
            "machines": machines.model_copy(update=more),
            "storage": Storage(layout=Layout.ACCOUNT_PER_VM),
            "diagnostics": plan.diagnostics.model_copy(update={"storage_account": True}),
            "management": plan.management.model_copy(update={"keep_disks": False}),
        }
    )
