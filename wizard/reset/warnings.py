"""What a person should know before a reset: what it changes beside what was asked for. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from wizard.plan.model import Auth, OsType

if TYPE_CHECKING:
    from wizard.deploy.record import Record
    from wizard.reset.events import Mode


def warnings(
    record: Record, vms: Sequence[str], mode: Mode, user: str | None, *, replace_keys: bool = False
) -> list[str]:
    """Sentences, the gravest first; empty when the reset does what it says and no more."""
    told: list[str] = []
    windows = record.plan.machines.os is OsType.WINDOWS
    administrators = {
        known.user if (known := record.credentials.get(vm)) is not None else record.plan.machines.admin_user
        for vm in vms
    }
    if mode == "password" and record.plan.machines.auth != Auth.PASSWORD:
        told.append(
            "These VMs were made for SSH keys only. VMAccess turns password login on (PasswordAuthentication yes)."
        )
    if mode in ("password", "ssh-key") and user is not None and (others := sorted(administrators - {user})):
        until = "" if windows else " until removed (--mode remove-user)"
        kind = "an administrator" if windows else "a user with sudo"
        told.append(f"{user} is, or becomes, {kind} beside {', '.join(others)}, who keeps every login there is{until}.")
    if replace_keys:
        told.append("Every other key of the user stops working, also those that this computer knows nothing of.")
    if mode == "configuration" and windows:
        told.append("Remote Desktop is turned on, and port 3389 is opened in the VM's own firewall.")
    elif mode == "configuration":
        told.append(
            "The image's own SSH configuration comes back: a port, users or ciphers of your own, and whether passwords"
            " are let in, are as the image has them."
        )
    if mode == "remove-user":
        told.append(
            f"What runs as {user or 'the user'} may end; the home folder stays, and with it the keys in it, should"
            " somebody be made anew under that name."
        )
    return told
