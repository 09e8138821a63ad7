"""Sockets are open files, and a process may have few: 1,024 on most systems until it asks for more."""

from __future__ import annotations

from wizard.errors import InputError

SPARE_FILES = 256
"""Open files that the rest of the process may want beside the load's sockets."""


def allow_open_files(connections: int) -> None:
    """Raise this process's soft limit of open files as far as the load needs; InputError when it may not."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    needed = connections + SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise InputError(
            f"{connections} connections are more than this computer allows one program.",
            f"The limit of open files is {hard}, and {needed} are needed.",
            f"Give --connections {max(1, hard - SPARE_FILES)} or fewer, or raise the limit (ulimit -Hn).",
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
