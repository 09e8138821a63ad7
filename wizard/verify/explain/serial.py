"""What a machine's serial log says of a boot that went wrong. Pure: text in, the decisive line out.

A log of a first boot has a thousand lines and often several errors, most of them consequences: a download that fails
makes a package, a service and a script fail after it. So findings have an order, the most upstream first, and one line
is told.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["kernel", "user-data", "download", "package", "service", "script", "running"]

LONGEST_LINE = 200


@dataclass(frozen=True)
class Finding:
    """The line that decides, and what it means. `running`: cloud-init has not ended yet, `line` is its last word."""

    kind: Kind
    line: str


# Wordings as the tools print them: apt (apt-pkg/acquire-item.cc, apt-pkg/contrib/netlink), dnf, cloud-init
# (cloudinit/user_data.py, config/modules.py, cmd/main.py), systemd's console status, nginx and the Linux kernel.
_ORDER: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    (
        "kernel",
        re.compile(r"Kernel panic - not syncing|You are in emergency mode|VFS: Unable to mount root", re.IGNORECASE),
    ),
    (
        "user-data",
        re.compile(
            r"Failed (at merging in cloud config|loading yaml blob)|Unhandled (non-multipart|unknown content-type)"
            r"|Invalid cloud-config provided|is not a valid cloud-config",
            re.IGNORECASE,
        ),
    ),
    (
        "download",
        re.compile(
            r"Could not connect to \S+.*(timed out|refused|unreachable)|Unable to connect to \S+:\d+"
            r"|Temporary failure resolving|Could not resolve( host)?:? |E: Failed to fetch |Failed to download "
            r"|Cannot download |Curl error \(\d+\)|Network is unreachable|Failed to connect to \S+ port \d+",
            re.IGNORECASE,
        ),
    ),
    (
        "package",
        re.compile(
            r"E: Unable to locate package|has no installation candidate|E: Unable to (fetch|correct)"
            r"|No match for argument|E: Sub-process \S+ returned an error code|dpkg: error processing"
            r"|Unable to find a match:",
            re.IGNORECASE,
        ),
    ),
    ("service", re.compile(r"\[emerg\]|Failed to start \S+|Failed with result 'exit-code'", re.IGNORECASE)),
    (
        "script",
        re.compile(
            r"cloud-init\[\d+\]:.*\b(ERROR|CRITICAL)\b|\[ERROR\]|Running module \S+ .*failed|Failed to run module"
            r"|Runparts: \d+ failures",
        ),
    ),
)

_BOOT = re.compile(r"Linux version \d")
_BEGAN = re.compile(r"cloud-init\[\d+\]: Cloud-init v\.? ?\S+ running|Starting cloud-(init|config|final)")
_ENDED = re.compile(r"Cloud-init v\.? ?\S+ finished at")
_NOISE = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f]")
_STAMP = re.compile(r"^(\[ *\d+\.\d+\] |<\d+>)+")


def read(log: str) -> Finding | None:
    """The finding that explains most, or None when the log tells of nothing wrong.

    What a kernel and a service say counts for the last boot only. cloud-init works at the first boot alone, so what
    failed then still holds.
    """
    lines = [_clean(line) for line in log.split("\n")]
    boots = [number for number, line in enumerate(lines) if _BOOT.search(line)]
    last_boot = lines[boots[-1] :] if boots else lines
    began = [line for line in last_boot if _BEGAN.search(line)]
    running = bool(began) and not any(_ENDED.search(line) for line in last_boot)
    found: dict[Kind, str] = {}
    for kind, pattern in _ORDER:
        where = last_boot if kind in {"kernel", "service"} else lines
        if line := next((line for line in where if pattern.search(line)), ""):
            found[kind] = line
    if found.keys() == {"download"} and not running:
        found.clear()  # one try that failed and was made good: nothing after it went wrong
    for kind, line in found.items():
        return Finding(kind, _short(line))
    if running:
        spoken = [line for line in last_boot if "cloud-init[" in line]
        return Finding("running", _short((spoken or began)[-1]))
    return None


def _clean(line: str) -> str:
    """Without colours, carriage returns and time stamps."""
    return _STAMP.sub("", _NOISE.sub("", line)).strip()


def _short(line: str) -> str:
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 3]}..."
