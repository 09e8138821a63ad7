"""What a machine's own counters show, by the names that Azure Monitor's agent has for them on each system.

Processor time is that of `work`: the requests that its web server has answered. Bytes are those that the balancer has
relayed for it. A Linux machine's memory and disk are what its own `/proc/meminfo` and `df` tell; a Windows machine's
are from memory, since nothing in it uses any.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

LINUX_DISK_MB = (30298176 / 1024, 2202010 / 1024)
"""Size and used, as `df` of a Linux machine shows them."""
WINDOWS_MEMORY = (8 * 1024**3, 0.31)
"""Bytes, and the share in use."""
WINDOWS_DISK_MB = (129_546.0, 14_100.0)
_SPECIFIER = re.compile(r"\\?([^\\(]+?)(?:\(([^)]*)\))?\\(.+)")


@dataclass(frozen=True)
class Reading:
    """What a machine has done: `cpu` in percent since the reading before, `seconds` ago; bytes since it was made."""

    cpu: float
    seconds: float
    received: int
    sent: int
    received_before: int = 0
    sent_before: int = 0


@dataclass(frozen=True)
class Sample:
    """One counter's value."""

    object: str
    instance: str
    counter: str
    value: float


def linux(reading: Reading, meminfo: str) -> list[Sample]:
    """The counters of a Linux machine. `meminfo` is the text of its /proc/meminfo."""
    told = {name: int(value) / 1024 for name, value in re.findall(r"(\w+):\s+(\d+) kB", meminfo)}
    total, available = told["MemTotal"], told["MemAvailable"]
    size, used = LINUX_DISK_MB
    return [
        Sample("Processor", "_Total", "% Processor Time", reading.cpu),
        Sample("Processor", "_Total", "% Idle Time", 100.0 - reading.cpu),
        Sample("Memory", "Memory", "Available MBytes Memory", available),
        Sample("Memory", "Memory", "% Available Memory", 100.0 * available / total),
        Sample("Memory", "Memory", "Used Memory MBytes", total - available),
        Sample("Memory", "Memory", "% Used Memory", 100.0 * (total - available) / total),
        Sample("Logical Disk", "/", "Free Megabytes", size - used),
        Sample("Logical Disk", "/", "% Free Space", 100.0 * (size - used) / size),
        Sample("Logical Disk", "/", "% Used Space", 100.0 * used / size),
        Sample("Network", "eth0", "Total Bytes Received", float(reading.received)),
        Sample("Network", "eth0", "Total Bytes Transmitted", float(reading.sent)),
        Sample("Network", "eth0", "Total Bytes", float(reading.received + reading.sent)),
    ]


def windows(reading: Reading) -> list[Sample]:
    """The counters of a Windows machine."""
    memory, share = WINDOWS_MEMORY
    size, used = WINDOWS_DISK_MB
    seconds, card = max(reading.seconds, 0.001), "Microsoft Hyper-V Network Adapter"
    return [
        Sample("Processor Information", "_Total", "% Processor Time", reading.cpu),
        Sample("Processor", "_Total", "% Processor Time", reading.cpu),
        Sample("Memory", "", "Available Bytes", memory * (1 - share)),
        Sample("Memory", "", "Available MBytes", memory * (1 - share) / 1024**2),
        Sample("Memory", "", "Committed Bytes", memory * share),
        Sample("Memory", "", "% Committed Bytes In Use", 100.0 * share),
        Sample("LogicalDisk", "C:", "Free Megabytes", size - used),
        Sample("LogicalDisk", "C:", "% Free Space", 100.0 * (size - used) / size),
        Sample("LogicalDisk", "_Total", "Free Megabytes", size - used),
        Sample("LogicalDisk", "_Total", "% Free Space", 100.0 * (size - used) / size),
        Sample("Network Interface", card, "Bytes Received/sec", (reading.received - reading.received_before) / seconds),
        Sample("Network Interface", card, "Bytes Sent/sec", (reading.sent - reading.sent_before) / seconds),
    ]


def chosen(samples: Sequence[Sample], specifiers: Sequence[str]) -> Iterator[Sample]:
    """The samples that counter specifiers ask for. What a machine does not have it does not send."""
    wanted = [found.groups() for each in specifiers if (found := _SPECIFIER.fullmatch(each))]
    for one in samples:
        for name, instance, counter in wanted:
            same = name.lower() == one.object.lower() and counter.lower() == one.counter.lower()
            if same and (instance or "") in ("*", one.instance):
                yield one
                break
