"""Which refusals pass by themselves, and how long to wait before the next try.

What the network lost, and a few times what ARM throttled, is sent again further below (`wizard.azure.sending`);
conflicts between operations and long waits come up to here, where they are told. Waits are drawn with full jitter (a
uniform draw below a doubling ceiling), so that tasks which met the same conflict do not meet again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from wizard.azure.errors import retry_after, retryable
from wizard.errors import AzureError

NOT_READY = frozenset({"ReferencedResourceNotProvisioned", "ResourceGroupBeingDeleted"})
"""A write that names something which another operation has not finished with."""

OVERTAKEN = frozenset({"PreconditionFailed"})
"""The resource is another one than was read: also what our own write meets whose answer was lost."""

IN_USE = frozenset(
    {
        "InUseSubnetCannotBeDeleted",
        "InUseNetworkSecurityGroupCannotBeDeleted",
        "InUseNatGatewayCannotBeDeleted",
        "LoadBalancerInUse",
        "NatGatewayInUseBySubnet",
        "NicInUse",
        "PublicIPAddressCannotBeDeleted",
        "PublicIPAddressInUse",
        "OperationNotAllowed",  # an availability set that still knows a VM which has just gone
    }
)
"""A delete that comes before Azure has noticed that the user of the thing is gone. Some names are from memory."""

WRITE_PATIENCE_FLOORS = 150
"""In poll floors of the cloud, 600 s on Azure: a conflict lasts as long as the other operation."""

LEAST_WRITE_PATIENCE_S = 30.0

NIC_RESERVED_FLOORS = 45
"""Azure holds a NIC for 180 s for the machine it was meant for, and says so in words alone."""

DELETE_PATIENCE_FLOORS = 75
"""In poll floors of the cloud, 300 s on Azure: what is still in use then has a user that we do not know of."""

LEAST_DELETE_PATIENCE_S = 5.0
CEILING_FLOORS = 16
"""The longest drawn wait in poll floors: 64 s on Azure."""


class Patience:
    """How long one request is still tried. `next_wait_s` is asked after each refusal.

    `floor_s` is the cloud's poll floor: what is too often to ask is too often to send.
    """

    def __init__(
        self,
        floor_s: float,
        passes: Callable[[AzureError], bool],
        limit_s: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._floor = floor_s
        self._passes = passes
        self._clock = clock
        self._draw = draw
        self._until = clock() + limit_s
        self._tries = 0

    @classmethod
    def with_writes(cls, floor_s: float) -> Patience:
        limit = max(WRITE_PATIENCE_FLOORS * floor_s, LEAST_WRITE_PATIENCE_S)
        return cls(floor_s, lambda error: error.code in NOT_READY | OVERTAKEN or retryable(error), limit)

    @classmethod
    def with_deletes(cls, floor_s: float) -> Patience:
        limit = max(DELETE_PATIENCE_FLOORS * floor_s, LEAST_DELETE_PATIENCE_S)
        return cls(floor_s, lambda error: error.code in IN_USE or _associated(error) or retryable(error), limit)

    def next_wait_s(self, error: AzureError) -> float | None:
        """Seconds until the next try; None when the error does not pass by itself, or has not for too long."""
        if not self._passes(error):
            return None
        self._tries += 1
        ceiling = self._floor * min(2**self._tries, CEILING_FLOORS)
        # What ARM asks for is a lower bound; the draw comes on top of it.
        asked = retry_after(error) or 0.0
        if error.code == "NicReservedForAnotherVm":
            asked = max(asked, NIC_RESERVED_FLOORS * self._floor)
        wait = asked + self._draw() * ceiling
        return wait if self._clock() + wait <= self._until else None


def _associated(error: AzureError) -> bool:
    """A data collection rule that still knows the association of a machine which has just gone: told in words alone."""
    return error.status in (400, 409) and "associations" in f"{error.what} {error.why}".lower()
