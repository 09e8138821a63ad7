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
    if threshold == 1:
        out = f"A dead machine is out after about {_span(seconds)}, with the first probe that fails."
        back = f"The first that passes brings it back, within {_span(seconds)}."
    else:
        out = f"A dead machine is out after about {_span(seconds)}: {threshold} failed probes in a row."
        back = f"{threshold} that pass bring it back, after about {_span(seconds)} as well."
    if protocol == "http":
        page = path or "/"
        sees = f"Healthy is exactly 200 from {page} at port {port}; 204, 301 and 401 are not."
        blind = f"It does not see what {page} does not touch: a database, other pages."
    else:
        sees = f"Healthy is a machine that takes a connection at port {port}."
        blind = "It does not see a server that answers nothing, or 500 to everybody."
    return Meaning(seconds, out, back, sees, blind)


def _span(seconds: int) -> str:
    if seconds < 120:
        return f"{seconds} s"
    minutes, rest = divmod(seconds, 60)
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"
