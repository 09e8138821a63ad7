"""Whether the balancer spreads what comes in: every VM's page is met, and every VM takes its share of a load."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from wizard.verify import load
from wizard.verify.events import CheckState
from wizard.verify.load import LoadResult
from wizard.verify.together import together

HEADER = "X-Served-By"
"""The answer's header that names the VM; our own workload sends it."""

PAGES_S = 20.0
SIDE_BY_SIDE = 8
REQUEST_S = 10.0

LOAD_S = 3.0
LOAD_CONNECTIONS = 8
SUSPICIOUS = 1e-6
"""Below this p-value the shares are called uneven: a healthy balancer is wrongly suspected once in a million runs."""


@dataclass
class Pages:
    """What single requests met, each on a connection of its own: answers by VM, other statuses, errors by kind."""

    requests: int = 0
    by_vm: Counter[str] = field(default_factory=Counter)
    unnamed: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)


async def meet_every(url: str, vms: Sequence[str]) -> Pages:
    """Open new connections until every VM has answered with 200, or until it is hopeless.

    With n VMs and a fair balancer n (ln n + 14) connections miss one of them once in a million times (the coupon
    collector's bound); more are not tried.
    """
    import math

    import httpx

    from wizard.verify.load.kinds import kind
    from wizard.verify.load.transport import LeanTransport

    pages = Pages()
    most = math.ceil(len(vms) * (math.log(max(len(vms), 1)) + 14))
    transport = LeanTransport(connect_timeout_s=REQUEST_S, read_timeout_s=REQUEST_S, keep_alive=False)
    request = httpx.Request("GET", url)
    until = time.perf_counter() + PAGES_S

    async def one() -> None:
        try:
            async with asyncio.timeout(REQUEST_S):
                response = await transport.handle_async_request(request)
                await response.aread()
        except Exception as error:  # counted by its kind, as a load does
            pages.errors[kind(error)] += 1
            return
        pages.statuses[response.status_code] += 1
        if response.status_code == 200:
            if vm := response.headers.get(HEADER):
                pages.by_vm[vm] += 1
            else:
                pages.unnamed += 1

    async def visitor() -> None:
        while pages.requests < most and time.perf_counter() < until and not set(vms) <= set(pages.by_vm):
            pages.requests += 1
            await one()

    try:
        await together(visitor() for _ in range(SIDE_BY_SIDE))
    finally:
        await transport.aclose()
    return pages


async def some_load(url: str, vms: Sequence[str]) -> LoadResult:
    """A load of some seconds on new connections; longer for many VMs, so that each can be expected to appear."""
    duration = max(LOAD_S, len(vms) / 20)
    return await load.run(url, duration_s=duration, connections=LOAD_CONNECTIONS, header=HEADER, vms=vms)


def judge(measured: LoadResult, vms: Sequence[str], *, named: bool) -> tuple[CheckState, str]:
    """Whether a load went well. `named`: the workload tells which VM answers, so that shares can be judged."""
    total = sum(measured.by_vm.values())
    figures = f"{measured.requests} requests in {measured.seconds:.1f} s ({measured.rps:.0f}/s)"
    if measured.p50_ms is not None and measured.p99_ms is not None:
        figures += f", p50 {measured.p50_ms:.1f} ms, p99 {measured.p99_ms:.1f} ms"
    if measured.errors:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(measured.errors_by_kind.items()))
        return "failed", f"{figures}, {measured.errors} errors: {kinds}"
    figures += ", no errors"
    if not measured.requests:
        return "failed", "nothing was answered"
    if not named or not total:
        return "passed", f"{figures}; the workload does not name its VM, so shares are not known"
    if missing := [vm for vm in vms if not measured.by_vm.get(vm)]:
        return "failed", f"{figures}; no answer from {', '.join(missing)}"
    shares = ", ".join(f"{vm} {100 * count / total:.0f} %" for vm, count in measured.by_vm.items())
    if len(vms) > 8:
        least, most = min(measured.by_vm.values()), max(measured.by_vm.values())
        shares = f"{len(vms)} VMs with {100 * least / total:.2f} to {100 * most / total:.2f} %"
    if measured.spread_p_value is None:
        return "passed", f"{figures}; {shares}"
    if measured.spread_p_value < SUSPICIOUS:
        return "warned", f"{figures}; {shares}: less even than chance makes it (p = {measured.spread_p_value:.1g})"
    return "passed", f"{figures}; {shares} (even: p = {measured.spread_p_value:.2f})"
