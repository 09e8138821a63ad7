"""No core files: a crashed process would write its memory, passwords included, to a disk.

Both of Linux's collectors (systemd-coredump and apport) keep nothing either where this limit is 0.
"""

from __future__ import annotations


def forbid() -> None:
    """Set the limit on core files to 0, for this process and for all that it starts. Where there is none: nothing."""
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
