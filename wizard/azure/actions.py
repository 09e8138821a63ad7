"""Actions that Azure works on for a while (`POST ...`): begun, waited for, and begun anew where that harms nobody.

A question (health, port mappings), a script that only asks, a start and a stop come to the same when they are sent
twice. So what the network or ARM loses of one of them is no reason to fail. What an action does is no resource's
document: where its operation is forgotten, there is nothing to read its end from.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from wizard.azure.errors import explained, retry_after, retryable
from wizard.errors import AzureError

if TYPE_CHECKING:
    from wizard.azure.clients import Azure

PATIENCE_FLOORS = 75
"""How long an action is begun anew, in poll floors of the cloud: 300 s on Azure, where a stop may hold a VM so long."""

LEAST_PATIENCE_S = 30.0

LIMIT_FLOORS = 225
"""How long one may take: 15 minutes on Azure. A start takes one or two there, a script of ours less than one."""

CEILING_FLOORS = 16

SAID_NO = frozenset({HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
"""Answers that say that nothing was done."""


async def ended(
    azure: Azure,
    id: str,
    begin: Callable[[], Awaitable[Any]],
    *,
    again: bool = True,
    passes: Callable[[AzureError], bool] = retryable,
    limit_s: float | None = None,
) -> Any:
    """Begin an action on a resource (an id) and wait for its end; what the SDK's poller returns.

    `again` false is for what must not happen twice: it is begun anew only where Azure said that it did nothing.
    `passes` tells which refusals pass by themselves; `limit_s` is how long the operation may take, where not as long as
    others. Raises AzureError, also for one that does not end, and UnreachableError.
    """
    floor = azure.cloud.poll_floor_s
    until = time.monotonic() + max(PATIENCE_FLOORS * floor, LEAST_PATIENCE_S)
    tries = 0
    while True:
        poller: Any = None
        try:
            poller = await explained(begin(), id=id)
            return await _result(poller, id, limit_s or max(LIMIT_FLOORS * floor, LEAST_PATIENCE_S))
        except AzureError as error:
            forgotten = poller is not None and error.status == HTTPStatus.NOT_FOUND
            undone = poller is None and error.status in SAID_NO
            tries += 1
            drawn = random.random() * floor * min(2**tries, CEILING_FLOORS)  # noqa: S311 - full jitter, no secret
            wait = (retry_after(error) or 0.0) + drawn
            passed = (passes(error) or forgotten) and (again or undone)
            if not passed or time.monotonic() + wait > until:
                raise
        await asyncio.sleep(wait)


async def _result(poller: Any, id: str, limit_s: float) -> Any:
    from wizard import ids

    try:
        async with asyncio.timeout(limit_s):
            return await explained(poller.result(), id=id)
    except TimeoutError:
        raise AzureError(
            f"What was asked of {ids.parse(id).name} is still being worked on.",
            f"Its operation has not ended in {limit_s:.0f} s.",
            "Look at the resource's activity log, and run the same command again.",
        ) from None
