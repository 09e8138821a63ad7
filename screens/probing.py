"""What the probe's settings mean for the people behind it: how long a dead machine gets requests, and what no probe
sees."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Meaning:
    """A probe in words. `seconds`: how long until a machine that stopped answering is out, at most."""

    seconds: int
    out: str
    back: str
    sees: str
    blind: str


def meaning(protocol: str, path: str, interval_s: int, threshold: int, port: int) -> Meaning:
    """The words for one setting of the balancer's probe.

    The balancer counts `threshold` probes in a row, both ways (Microsoft: "Azure Load Balancer health probes", since
    2022 `probeThreshold` counts up too), so both take the product of the two numbers at most.
    """
    seconds = interval_s * threshold
    count = "1 probe" if threshold == 1 else f"{threshold} probes"
    out = f"A dead machine is out after about {_span(seconds)}: {count} failed."
    back = f"It is back when {threshold} passed, after about as long."
    if protocol == "http":
        page = path or "/"
        sees = f"Healthy: exactly 200 from {page} (not 204, 301 or 401)."
        blind = f"Not seen: what {page} does not touch, such as a database."
    else:
        sees = f"Healthy: port {port} takes a connection."
        blind = "Not seen: a server that never answers, or answers 500."
    return Meaning(seconds, out, back, sees, blind)


def _span(seconds: int) -> str:
    if seconds < 120:
        return f"{seconds} s"
    minutes, rest = divmod(seconds, 60)
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"
