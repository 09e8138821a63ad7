"""Which refusals pass by themselves, and how long to wait before the next try.

The SDK sends again what the network lost and, a few times, what ARM throttled; conflicts between operations it leaves
to its caller. Waits are drawn with full jitter (a uniform draw below a doubling ceiling), so that tasks which met the
same conflict do not meet again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from wizard.azure.errors import retry_after, retryable
from wizard.errors import AzureError

NOT_READY = frozenset({"ReferencedResourceNotProvisioned", "ResourceGroupBeingDeleted"})
"""A write that names something which another operation has not finished with."""

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

WRITE_PATIENCE_S = 600.0
"""A NIC stays reserved for 180 s for the machine it was meant for; a conflict lasts as long as the other operation."""

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
        return cls(floor_s, lambda error: error.code in NOT_READY or retryable(error), WRITE_PATIENCE_S)

    @classmethod
    def with_deletes(cls, floor_s: float) -> Patience:
        limit = max(DELETE_PATIENCE_FLOORS * floor_s, LEAST_DELETE_PATIENCE_S)
        return cls(floor_s, lambda error: error.code in IN_USE or retryable(error), limit)

    def next_wait_s(self, error: AzureError) -> float | None:
        """Seconds until the next try; None when the error does not pass by itself, or has not for too long."""
        if not self._passes(error):
            return None
        self._tries += 1
        ceiling = self._floor * min(2**self._tries, CEILING_FLOORS)
        # What ARM asks for is a lower bound; the draw comes on top of it.
        wait = (retry_after(error) or 0.0) + self._draw() * ceiling
        return wait if self._clock() + wait <= self._until else None
