"""The architecture as a picture of text: for the answers so far, and with each resource's state once there are some.

`states` maps what the picture shows (`balancer`, `address`, `set`, `nat`, and VM names) to a sign such as `✓` or `…`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from textual.content import Content

STYLES = {"✓": "$text-success", "✗": "$text-error", "…": "$text-warning", "○": "$text-muted"}
MOST = 4
"""More machines than these are told by a number."""


def picture(get: Callable[[str], Any], *, width: int = 34, states: Mapping[str, str] | None = None) -> Content:
    """Draw the answers that `get` knows by plan key, in at most `width` columns and 13 lines."""
    states = states or {}
    count = get("machines.count") if isinstance(get("machines.count"), int) else 0
    prefix = str(get("prefix") or "vm")
    names = [f"{prefix}{number}" for number in range(1, count + 1)]
    shown = names if count <= MOST else names[: MOST - 1]
    words = [f"vm{number}" for number in range(1, len(shown) + 1)]
    if count > MOST:
        words.append(f"… vm{count}")
    middle = width // 2
    feet = [round((place + 0.5) * width / max(1, len(words))) for place in range(len(words))]

    def mark(what: str) -> str:
        return f" {states[what]}" if what in states else ""

    def centred(text: str) -> str:
        return f"{text:^{middle * 2}}".rstrip()

    probe = f"{get('balancer.probe_protocol') or 'http'} probe every {get('balancer.probe_interval_s') or 5} s"
    outbound = get("network.outbound")
    lines = [
        centred("Internet"),
        centred("│"),
        centred(f"public address{mark('address')} :{get('balancer.frontend_port') or 80}"),
        centred("│"),
        centred(f"[ load balancer{mark('balancer')} ]"),
        centred(probe),
        _branches(middle, feet, width),
        _row(feet, words, width),
    ]
    if states and shown:
        lines.append(_row(feet, [states.get(name, "○") for name in shown], width))
    size = str(get("machines.size") or "").removeprefix("Standard_")
    lines.append(centred(f"{count} × {size}" if count else ""))
    if get("machines.placement") == "availability-set":
        domains = f"{get('machines.fault_domains')} fault, {get('machines.update_domains')} update domains"
        lines += [centred(f"availability set{mark('set')}"), centred(domains)]
    if outbound == "nat-gateway":
        lines.append(centred(f"out: NAT gateway{mark('nat')}"))
    text = Content("\n".join(lines))
    for sign, style in STYLES.items():
        text = text.highlight_regex(sign, style=style)
    return text


def _branches(middle: int, feet: list[int], width: int) -> str:
    if not feet:
        return ""
    line = [" "] * (width + 1)
    for x in range(min([*feet, middle]), max([*feet, middle]) + 1):
        line[x] = "─"
    for foot in feet:
        line[foot] = "┬"
    line[min([*feet, middle])] = "┌" if feet[0] <= middle else "└"
    line[max([*feet, middle])] = "┐" if feet[-1] >= middle else "┘"
    if len(feet) == 1:
        line = [" "] * (width + 1)
        line[middle] = "│"
        return "".join(line).rstrip()
    line[middle] = "┼" if middle in feet else "┴"
    return "".join(line).rstrip()


def _row(feet: list[int], words: list[str], width: int) -> str:
    line = [" "] * (width + 8)
    for foot, word in zip(feet, words, strict=False):
        begin = max(0, foot - len(word) // 2)
        line[begin : begin + len(word)] = word
    return "".join(line).rstrip()[:width]
