"""What Red Hat's images have beside Debian's: firewalld, which lets in SSH alone, and SELinux, which lets a web server
listen at web ports alone. Both are on in Azure's RHEL images (from memory).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wizard.sandbox.fabric.guest import Guest

SERVICES = {"ssh": 22, "http": 80, "https": 443, "cockpit": 9090}
HTTP_PORTS = frozenset({80, 81, 443, 488, 8008, 8009, 8443, 9000, 3128, 8080, 8118, 8123, *range(10001, 10011)})
"""What SELinux's types http_port_t and http_cache_port_t hold in RHEL 9's targeted policy."""

PROGRAMS = frozenset({"dnf", "yum", "rpm", "firewall-cmd", "semanage", "getenforce", "restorecon"})
DEBIAN_PROGRAMS = frozenset({"apt", "apt-get", "dpkg", "dpkg-query"})


def has(guest: Guest, program: str) -> bool:
    """Whether a program that one family alone has is there."""
    if program == "semanage" and "policycoreutils-python-utils" not in guest.record["packages"]:
        return False
    return program not in (PROGRAMS if guest.image.debian_like else DEBIAN_PROGRAMS)


def firewall(guest: Guest) -> dict[str, Any]:
    """`permanent` and `runtime`: TCP ports that are open, as lists of numbers."""
    found: dict[str, Any] = guest.record.setdefault(
        "firewalld", {"permanent": [SERVICES["ssh"], SERVICES["cockpit"]], "runtime": [22, 9090], "stopped": False}
    )
    return found


def refuses(guest: Guest, port: int) -> bool:
    """Whether the machine's own firewall keeps a port closed."""
    if guest.image.debian_like:
        return False
    state = firewall(guest)
    return not state["stopped"] and port not in state["runtime"]


def may_listen(guest: Guest, port: int) -> bool:
    """Whether SELinux lets a web server listen at a port."""
    return guest.image.debian_like or port in HTTP_PORTS or port in guest.record.get("http_ports", ())
