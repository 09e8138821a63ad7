"""The Plan: what a person asked for, and nothing else. Small, complete, no secrets, round-trips through plan.toml.

The shape lives here; what makes a plan legal lives in `rules`, so that a form, a command and a file share one rule. The
limits that stand here as `json_schema_extra` are shown to editors and judged by `rules`: a Plan can hold a wrong
number, so that all its faults can be told at once.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from wizard.plan import limits


class OsType(StrEnum):
    """The operating system family of the machines."""

    LINUX = "linux"
    WINDOWS = "windows"


class Caching(StrEnum):
    """What a disk keeps on the machine's host."""

    NONE = "none"
    READ_ONLY = "read-only"
    READ_WRITE = "read-write"


class Access(StrEnum):
    """What a security rule does with a packet that it matches."""

    ALLOW = "allow"
    DENY = "deny"


class Direction(StrEnum):
    """Which way a security rule looks."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class RuleProtocol(StrEnum):
    """What a security rule is for."""

    TCP = "tcp"
    UDP = "udp"
    ICMP = "icmp"
    ANY = "any"


class Placement(StrEnum):
    """How Azure spreads the machines over its hardware."""

    AVAILABILITY_SET = "availability-set"
    ZONES = "zones"
    SCALE_SET = "scale-set"


class SecurityType(StrEnum):
    """What a machine's firmware guards: Trusted Launch is secure boot and a virtual TPM."""

    AUTO = "auto"
    TRUSTED_LAUNCH = "trusted-launch"
    STANDARD = "standard"


class Auth(StrEnum):
    """How the administrator signs in at first."""

    SSH_KEY = "ssh-key"
    PASSWORD = "password"  # noqa: S105 - the name of a choice


class Outbound(StrEnum):
    """How the machines reach the Internet; without a way, nothing can be installed on them."""

    NAT_GATEWAY = "nat-gateway"
    OUTBOUND_RULE = "outbound-rule"
    NONE = "none"


class OutboundAddress(StrEnum):
    """Whose public address an outbound rule sends from."""

    OWN = "own"
    BALANCER = "balancer"


class Layout(StrEnum):
    """Where the machines' disks live."""

    MANAGED = "managed"
    ACCOUNT_PER_VM = "account-per-vm"


class ProbeProtocol(StrEnum):
    """What the balancer's health probe speaks."""

    HTTP = "http"
    TCP = "tcp"


class Lock(StrEnum):
    """What keeps the resource group from being deleted by mistake."""

    NONE = "none"
    DELETE = "delete"


class Patching(StrEnum):
    """Who installs the system's updates."""

    PLATFORM = "platform"
    IMAGE = "image"


class Nat(StrEnum):
    """One inbound NAT rule per machine, or one range over the pool."""

    PER_VM = "per-vm"
    RANGE = "range"


class _Section(BaseModel):
    # Unknown keys are reported by plan.files, each with the nearest valid name, before pydantic sees the document.
    model_config = ConfigDict(frozen=True, extra="forbid")


class DataDisk(_Section):
    """One managed disk beside the OS disk, the same on each machine: empty at first, gone with its machine."""

    size_gb: int = Field(default=128, description="Its size.", json_schema_extra=limits.DATA_DISK_GB.schema)
    type: str = Field(default="Premium_LRS", description="The type of the managed disk.")
    caching: Caching = Field(default=Caching.NONE, description="none, read-only or read-write.")


class Rule(_Section):
    """One security rule of one's own. Those of a direction are asked in the order of their priorities."""

    name: str = Field(default="", description="Its name in the network security group.")
    priority: int = Field(
        default=0,
        description="Lower is asked first. Ours begin at 100 and make room.",
        json_schema_extra=limits.RULE_PRIORITY.schema,
    )
    access: Access = Field(default=Access.DENY, description="allow or deny.")
    direction: Direction = Field(default=Direction.INBOUND, description="inbound or outbound.")
    protocol: RuleProtocol = Field(default=RuleProtocol.TCP, description="tcp, udp, icmp or any.")
    source: tuple[str, ...] = Field(default=("*",), description="IPv4 addresses and ranges, or one service tag.")
    destination: tuple[str, ...] = Field(default=("*",), description="IPv4 addresses and ranges, or one service tag.")
    ports: tuple[str, ...] = Field(default=("*",), description="Of the destination: numbers, ranges such as 80-90, *.")


class Machines(_Section):
    """The virtual machines: how many, what runs on them, how Azure spreads them, who signs in."""

    count: int = Field(
        default=2,
        description="How many; of a scale set, at first. Two or more: one alone has no availability promise of a set.",
        json_schema_extra=limits.SCALE_SET_VMS.schema,
    )
    os: OsType = Field(default=OsType.LINUX, description="The operating system family.")
    image: str = Field(
        default="ubuntu-24.04", description="A name from our list, publisher:offer:sku:version, or the id of an image."
    )
    size: str = Field(default="Standard_D2s_v5", description="The VM size as Azure names it.")
    placement: Placement = Field(
        default=Placement.AVAILABILITY_SET, description="How Azure spreads them over its hardware."
    )
    fault_domains: int = Field(
        default=2,
        description="Of the availability set: racks with their own power and switch. Many regions have 2.",
        json_schema_extra=limits.FAULT_DOMAINS.schema,
    )
    update_domains: int = Field(
        default=5,
        description="Of the availability set: groups that planned maintenance restarts one after another.",
        json_schema_extra=limits.UPDATE_DOMAINS.schema,
    )
    zones: tuple[str, ...] = Field(
        default=("1", "2", "3"), description="Of placement over zones: which of the region's; machines go round them."
    )
    admin_user: str = Field(default="azureuser", description="The administrator's user name.")
    auth: Auth = Field(default=Auth.SSH_KEY, description="How the administrator signs in at first.")
    ssh_key: str = Field(default="", description="The public key, one line: Ed25519, or RSA of 2048 bits or more.")
    workload: str = Field(
        default="page",
        description="What they serve: page (names the machine that answers), none, or a cloud-init file.",
    )
    os_disk: str = Field(default="Premium_LRS", description="The type of the managed OS disk.")
    os_disk_caching: Caching = Field(
        default=Caching.READ_WRITE, description="What the OS disk keeps on the host: none, read-only, read-write."
    )
    os_disk_gb: int = Field(
        default=0,
        description="The OS disk's size; 0 for the image's own.",
        json_schema_extra={"minimum": 0, "maximum": limits.OS_DISK_GB.high},
    )
    data_disks: tuple[DataDisk, ...] = Field(default=(), description="Further disks, the same on each machine.")
    security_type: SecurityType = Field(
        default=SecurityType.AUTO,
        description="trusted-launch: secure boot and a virtual TPM; standard: neither; auto: Trusted Launch, but for "
        "images of one's own and unmanaged disks.",
    )
    encryption_at_host: bool = Field(
        default=False, description="Encrypt caches and temporary disks on the host too; the size must support it."
    )


class ScaleSet(_Section):
    """Placement in a scale set with Flexible orchestration: who decides how many machines there are, and who mends."""

    zones: bool = Field(
        default=True, description="Spread over machines.zones; false where the region has none, or for one place."
    )
    autoscale: bool = Field(default=False, description="Let Azure add and take machines by their CPU.")
    minimum: int = Field(
        default=2, description="Of autoscale: never fewer machines.", json_schema_extra=limits.SCALE_SET_VMS.schema
    )
    maximum: int = Field(
        default=10, description="Of autoscale: never more machines.", json_schema_extra=limits.SCALE_SET_VMS.schema
    )
    cpu_out_percent: int = Field(
        default=70,
        description="Of autoscale: mean CPU above it adds a machine.",
        json_schema_extra=limits.CPU_PERCENT.schema,
    )
    cpu_in_percent: int = Field(
        default=30,
        description="Of autoscale: mean CPU below it takes a machine.",
        json_schema_extra=limits.CPU_PERCENT.schema,
    )
    window_min: int = Field(
        default=5,
        description="Of autoscale: minutes that the mean is taken over.",
        json_schema_extra=limits.AUTOSCALE_WINDOW_MIN.schema,
    )
    cooldown_min: int = Field(
        default=5,
        description="Of autoscale: minutes without a further step after each step.",
        json_schema_extra=limits.AUTOSCALE_COOLDOWN_MIN.schema,
    )
    health: bool = Field(
        default=True, description="The application health extension, which asks the workload from inside each machine."
    )
    repairs: bool = Field(default=True, description="Replace a machine whose health extension calls it unhealthy.")
    repairs_grace_min: int = Field(
        default=10,
        description="Of repairs: minutes that a machine is left alone after its state has changed.",
        json_schema_extra=limits.REPAIRS_GRACE_MIN.schema,
    )


class Network(_Section):
    """The virtual network, who may come in, and how the machines get out."""

    address_space: str = Field(default="10.0.0.0/16", description="The virtual network's IPv4 range.")
    subnet_name: str = Field(default="web", description="The subnet the machines are in.")
    subnet: str = Field(
        default="10.0.1.0/24", description="Its range, inside the address space. Azure keeps 5 addresses."
    )
    allow_http: tuple[str, ...] = Field(
        default=("Internet",), description="Who may reach the page: IPv4 addresses, ranges, service tags."
    )
    allow_admin: tuple[str, ...] = Field(
        default=("127.0.0.1/32",), description="Who may sign in (SSH): IPv4 addresses, ranges, service tags."
    )
    rules: tuple[Rule, ...] = Field(default=(), description="Security rules of one's own, among ours by priority.")
    outbound: Outbound = Field(default=Outbound.NAT_GATEWAY, description="How the machines reach the Internet.")
    outbound_address: OutboundAddress = Field(
        default=OutboundAddress.OWN,
        description="Of an outbound rule: a public address of its own, or the balancer's, whose rules then share it.",
    )
    outbound_ports: int = Field(
        default=1024,
        description="Of an outbound rule: SNAT ports for each machine, a multiple of 8; all of them share 64,000.",
        json_schema_extra={**limits.OUTBOUND_PORTS.schema, "multipleOf": limits.OUTBOUND_PORTS_STEP},
    )


class Balancer(_Section):
    """The public load balancer: its ports, its health probe, the NAT rules that lead to single machines."""

    dns_label: str = Field(
        default="", description="A DNS name for the public address, unique in the region; empty for none."
    )
    frontend_port: int = Field(
        default=80, description="The port clients connect to.", json_schema_extra=limits.FRONTEND_PORT.schema
    )
    backend_port: int = Field(
        default=80, description="The port the machines listen on.", json_schema_extra=limits.BACKEND_PORT.schema
    )
    probe_protocol: ProbeProtocol = Field(default=ProbeProtocol.HTTP, description="What the health probe speaks.")
    probe_path: str = Field(
        default="/", description="Asked by an HTTP probe. Exactly 200 counts as healthy, and it must need no login."
    )
    probe_interval_s: int = Field(
        default=5, description="Seconds between two probes.", json_schema_extra=limits.PROBE_INTERVAL_S.schema
    )
    probe_threshold: int = Field(
        default=2,
        description="Answers in a row that take a machine out, and bring it back.",
        json_schema_extra=limits.PROBE_THRESHOLD.schema,
    )
    nat: Nat = Field(default=Nat.PER_VM, description="per-vm: one NAT rule each; range: one rule with a port range.")
    nat_first_port: int = Field(
        default=50001,
        description="The first machine's sign-in port at the balancer; the others follow.",
        json_schema_extra=limits.FRONTEND_PORT.schema,
    )
    nat_range: int = Field(
        default=100,
        description="Of a range: how many ports it has. More than machines leave room to scale out.",
        json_schema_extra=limits.NAT_RANGE.schema,
    )


class Storage(_Section):
    """Where the machines' disks live."""

    layout: Layout = Field(
        default=Layout.MANAGED,
        description="managed, or account-per-vm: VHDs in an account for each machine, where a cloud still has that.",
    )


class Diagnostics(_Section):
    """What is kept for the day something does not start."""

    boot: bool = Field(
        default=True, description="Boot diagnostics (serial log, screenshot) in storage that Azure manages."
    )
    storage_account: bool = Field(
        default=False, description="A storage account of the deployment's own for diagnostics, one for all machines."
    )
    workspace: str = Field(
        default="",
        description="A Log Analytics workspace that diagnostics go to as well: its id, or new for one of the "
        "deployment's own; empty for none.",
    )
    health_events: bool = Field(
        default=False,
        description="Keep the balancer's health events: a machine's data path is down, no machine is healthy, ...",
    )
    metrics: bool = Field(default=False, description="Keep the balancer's metrics beyond the 93 days that Azure does.")
    guest_metrics: bool = Field(
        default=False,
        description="Let the Azure Monitor agent send each machine's CPU, memory, disk and network to the workspace.",
    )


class Management(_Section):
    """What guards the deployment, and what becomes of it in time."""

    lock: Lock = Field(
        default=Lock.NONE,
        description="delete: nothing in the resource group can be deleted until the lock is taken off.",
    )
    patching: Patching = Field(
        default=Patching.PLATFORM,
        description="platform: Azure installs updates, one update domain after the other; image: as the image is set.",
    )
    keep_disks: bool = Field(
        default=False, description="Keep a machine's disks when it is scaled in or deleted; destroy deletes them too."
    )


class Verification(_Section):
    """What verification measures and holds the deployment to."""

    expect: tuple[str, ...] = Field(
        default=(), description='What the load of a verification must show, such as "p99<200ms" or "errors<0.1%".'
    )


class Plan(_Section):
    """One deployment as a person asked for it. `name` is the resource group, and what commands know it by."""

    version: int = Field(default=1, description="The version of this file's form.", json_schema_extra={"const": 1})
    cloud: str = Field(default="sandbox", description="sandbox, public, usgov, china, or the URL of an ARM endpoint.")
    name: str = Field(default="ra-multi-vm-rg", description="The resource group, and the name commands know it by.")
    existing_group: bool = Field(
        default=False,
        description="The resource group is there already and somebody else's: it is never written, tagged nor deleted.",
    )
    location: str = Field(default="westeurope", description="The region, as Azure names it in requests.")
    prefix: str = Field(
        default="ra-multi-vm", description="What all names begin with: PREFIX1, PREFIX2, PREFIX-vnet, PREFIX-lb, ..."
    )
    tags: dict[str, str] = Field(default_factory=dict, description="Put on every resource, beside the owner's tag.")
    machines: Machines = Field(default_factory=Machines)
    scale_set: ScaleSet = Field(default_factory=ScaleSet)
    network: Network = Field(default_factory=Network)
    balancer: Balancer = Field(default_factory=Balancer)
    storage: Storage = Field(default_factory=Storage)
    diagnostics: Diagnostics = Field(default_factory=Diagnostics)
    management: Management = Field(default_factory=Management)
    verification: Verification = Field(default_factory=Verification)

    @property
    def vm_names(self) -> tuple[str, ...]:
        """`ra-multi-vm1`, `ra-multi-vm2`, ... in order; the order decides each machine's NAT port.

        Empty with a scale set: Azure names its machines, see `wizard.deploy.members`.
        """
        if self.machines.placement is Placement.SCALE_SET:
            return ()
        return tuple(f"{self.prefix}{number}" for number in range(1, self.machines.count + 1))
