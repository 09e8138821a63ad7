"""Linux or Windows, and back: what fits only one of them is put aside while the other is chosen, and comes again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from screens.answers import Answers

FITTING = (
    "machines.image",
    "machines.auth",
    "machines.ssh_key",
    "machines.admin_user",
    "machines.workload",
    "wizard.key",
    "wizard.pasted_key",
)
"""What is answered differently for each system."""


def switch(answers: Answers, before: str, now: str) -> None:
    """Put aside what was answered for one system, and take up what was for the other, or its defaults."""
    if before == now:
        return
    answers.set(f"wizard.of_{before}", {key: answers.get(key) for key in FITTING}, commit=True)
    for key, value in (answers.get(f"wizard.of_{now}") or _first(answers, now)).items():
        answers.set(key, value, commit=True)


def _first(answers: Answers, os: str) -> dict[str, Any]:
    from wizard.plan import workload
    from wizard.plan.choices import DEFAULT_IMAGES
    from wizard.plan.draft import default_auth
    from wizard.plan.model import OsType

    serves = str(answers.get("machines.workload") or workload.PAGE)
    return {
        "machines.image": DEFAULT_IMAGES[OsType(os)],
        "machines.auth": default_auth(os),
        "machines.ssh_key": "",
        # A cloud-init file is for Linux alone.
        "machines.workload": workload.PAGE if workload.is_file(serves) else serves,
        "wizard.key": "",
        "wizard.pasted_key": "",
    }


def service(os: object) -> str:
    """How one signs in to a machine of this system."""
    return "RDP" if os == "windows" else "SSH"
