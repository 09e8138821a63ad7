"""Rules about the load balancer: ports that must not meet, and a probe that can hold.

Source: Microsoft, Load Balancer REST reference ("Inbound NAT Rules", "Load Balancer Probes") and "Azure Load Balancer
health probes".
"""

from __future__ import annotations

import re

from wizard.errors import Problem
from wizard.plan import limits, workload
from wizard.plan.machines import number
from wizard.plan.model import Nat, OsType, ProbeProtocol

_NOT_ON_WINDOWS = frozenset(
    (
        *("con", "prn", "aux", "nul", *(f"{device}{number}" for device in ("com", "lpt") for number in range(10))),
        *("bin", "app_browsers", "app_code", "app_data"),
        *("app_globalresources", "app_localresources", "app_webreferences"),
    )
)
"""Devices, which are no file names, and what IIS hides."""


def frontend_port(value: int) -> Problem | None:
    """1 to 65534."""
    return number("balancer.frontend_port", value, limits.FRONTEND_PORT, "A balancer's port is one of these.")


def backend_port(value: int) -> Problem | None:
    """1 to 65535."""
    return number("balancer.backend_port", value, limits.BACKEND_PORT, "A TCP port is one of these.")


def backend_port_is_free(value: int, os: OsType) -> Problem | None:
    """The workload cannot listen where the machine's own sign-in does."""
    taken, service = (limits.RDP_PORT, "Remote Desktop") if os == OsType.WINDOWS else (limits.SSH_PORT, "SSH")
    if value != taken:
        return None
    return Problem(
        "balancer.backend_port",
        f"Port {value} is taken on the machines.",
        f"{service} listens there.",
        "Use the port the workload listens on, such as 80.",
    )


def nat_first_port(value: int) -> Problem | None:
    """1 to 65534."""
    return number("balancer.nat_first_port", value, limits.FRONTEND_PORT, "A balancer's port is one of these.")


def nat_range(value: int) -> Problem | None:
    """1 to 1,000."""
    return number("balancer.nat_range", value, limits.NAT_RANGE, "A range has a port for each machine of a deployment.")


def nat_range_suffices(value: int, nat: Nat, count: int) -> Problem | None:
    """A range has a port for each machine: Azure refuses the machine that finds none."""
    if nat is not Nat.RANGE or count <= value:
        return None
    return Problem(
        "balancer.nat_range",
        f"The range has {value} ports, and there are {count} machines.",
        "Each machine of the pool takes one; a machine that finds none is refused.",
        f"Write {count} or more; more leave room to scale out.",
    )


def nat_ports(first: int, count: int, nat: Nat, size: int) -> range:
    """The frontend ports that lead to single machines: one each, or the whole range."""
    return range(first, first + (max(size, count) if nat is Nat.RANGE else count))


def nat_ports_exist(first: int, count: int, nat: Nat, size: int) -> Problem | None:
    """One port a machine, in a row, or a range: the last one is still a port."""
    ports = nat_ports(first, count, nat, size)
    if ports[-1] in limits.FRONTEND_PORT:
        return None
    last, why = "last machine's port", f"Each of the {count} machines takes the next port"
    if nat is Nat.RANGE:
        last, why = "range's last port", f"It has {len(ports)} ports in a row"
    return Problem(
        "balancer.nat_first_port",
        f"The {last} would be {ports[-1]}.",
        f"{why}, and {limits.FRONTEND_PORT.high} is the last one.",
        f"Use {limits.FRONTEND_PORT.high - len(ports) + 1} or less.",
    )


def ports_apart(frontend: int, first: int, count: int, nat: Nat, size: int) -> Problem | None:
    """No two rules of a balancer share a frontend port and protocol."""
    ports = nat_ports(first, count, nat, size)
    if frontend not in ports:
        return None
    told = f"port {first}" if len(ports) == 1 else f"ports {first} to {ports[-1]}"
    return Problem(
        "balancer.nat_first_port",
        f"The sign-in {told} and frontend port {frontend} meet.",
        "Two rules of one balancer cannot share a port.",
        "Move one of them; 50001 is the usual first sign-in port.",
    )


def probe_interval(value: int) -> Problem | None:
    """5 seconds or more."""
    return number("balancer.probe_interval_s", value, limits.PROBE_INTERVAL_S, "Azure probes every 5 s at most.")


def probe_threshold(value: int) -> Problem | None:
    """At least one answer."""
    return number(
        "balancer.probe_threshold", value, limits.PROBE_THRESHOLD, "It counts probes in a row, for down and for up."
    )


def probe_path_on_windows(text: str, protocol: ProbeProtocol, chosen: str, os: OsType) -> Problem | None:
    """Our page on Windows is files that IIS serves: the probe's path must be one that a file can have.

    IIS hides some names and serves only endings that it knows (Microsoft, "Request Filtering", hiddenSegments).
    """
    if os is not OsType.WINDOWS or protocol is not ProbeProtocol.HTTP or chosen != workload.PAGE:
        return None
    path = text.partition("?")[0]
    parts = path.split("/")[1:]
    *folders, last = parts
    proper = all(re.fullmatch(r"[A-Za-z0-9_-]+", part) for part in folders)
    proper = proper and re.fullmatch(r"([A-Za-z0-9_-]+(\.(html?|txt))?)?", last, re.IGNORECASE) is not None
    if proper and not any(part.lower().partition(".")[0] in _NOT_ON_WINDOWS for part in parts):
        return None
    return Problem(
        "balancer.probe_path",
        f'"{text}" cannot be served by our page on Windows.',
        "It is a file there: letters, digits, hyphens and underscores, at the end .html or .txt, and no name that "
        "Windows or IIS keeps for itself.",
        'Write "/", or a path such as /healthz.',
    )


def probe_path(text: str, protocol: ProbeProtocol | None) -> Problem | None:
    """An HTTP probe asks for an absolute path. With TCP there is nothing to ask for: a path gets a warning.

    `None`: the protocol is not known.
    """
    field = "balancer.probe_path"
    if text in ("", "/") and protocol is not ProbeProtocol.HTTP:
        return None
    if protocol is ProbeProtocol.TCP:
        return Problem(
            field,
            f'"{text}" is never asked for.',
            "A TCP probe only connects; it cannot see whether the workload answers rightly.",
            'Use probe_protocol = "http", or leave the path at "/".',
            "warning",
        )
    if not text.startswith("/"):
        return Problem(
            field,
            f'"{text}" is not a path.' if text else "There is no probe path.",
            "An HTTP probe needs one, beginning with a slash.",
            'Write "/", or the path of a page that answers 200 without a login.',
        )
    path, _, query = text.partition("?")
    plain = re.fullmatch(r"[A-Za-z0-9/._~!$&'()*+,;=:@-]*", path)
    if not plain or not re.fullmatch(r"([A-Za-z0-9/._~!$&'()*+,;=:@?-]|%[0-9A-Fa-f]{2})*", query):
        return Problem(
            field,
            f"The probe path {text!r} cannot be sent.",
            "It goes into a request as it stands: no blanks, no #, no % in the path, plain ASCII letters (RFC 3986).",
            "Choose a plainer path, such as /healthz.",
        )
    if any(part in (".", "..") for part in path.split("/")):
        return Problem(
            field,
            f'"{text}" holds a dot segment.',
            "Servers resolve it, or refuse it; the probe would ask for something else.",
            "Write the path itself.",
        )
    return None
