"""What the sandbox's parts share (store, speed, catalog, operations, fabric), made once by `process`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wizard.sandbox.blobs import Blobs
from wizard.sandbox.clock import Clock
from wizard.sandbox.faults import Faults
from wizard.sandbox.logs import Logs

if TYPE_CHECKING:
    from wizard.sandbox.arm.operations import Operations
    from wizard.sandbox.catalog import Catalog
    from wizard.sandbox.fabric.fabric import Fabric
    from wizard.sandbox.store import Store


@dataclass
class World:
    """`subscription` and `tenant` are made at first start and kept; `speed` divides ARM's durations and waits."""

    store: Store
    catalog: Catalog
    subscription: str
    tenant: str
    speed: float
    arm_url: str
    network: str  # the loopback /24 that this sandbox holds, such as "127.18.4.0/24"; "127.0.0.1/32" where it must
    operations: Operations
    fabric: Fabric
    faults: Faults = field(default_factory=Faults)
    clock: Clock = field(default_factory=Clock)
    blobs: Blobs = field(default_factory=Blobs)
    logs: Logs = field(default_factory=Logs)
