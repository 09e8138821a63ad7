"""A first plan from few answers: the defaults that fit the cloud, the system and the sign-in that were chosen."""

from __future__ import annotations

from collections.abc import Sequence

from wizard.plan.choices import CLOUDS, CUSTOM_CLOUD, DEFAULT_IMAGES
from wizard.plan.model import Auth, Machines, Network, OsType, Plan


def draft(
    *,
    cloud: str = "sandbox",
    name: str | None = None,
    count: int | None = None,
    os: str = "linux",
    auth: str | None = None,
    ssh_key: str = "",
    admin_from: Sequence[str] = (),
) -> Plan:
    """The plan that these answers and our defaults make; whether it is legal is for `rules.check` to say.

    `auth` left out is `ssh-key`, or `password` on Windows. `admin_from` is who may sign in, where the cloud does not
    settle it by itself.
    """
    system = OsType(os)
    choice = CLOUDS.get(cloud, CUSTOM_CLOUD)
    standard = Plan()
    return Plan(
        cloud=cloud,
        name=standard.name if name is None else name,
        location=choice.location,
        machines=Machines(
            count=standard.machines.count if count is None else count,
            os=system,
            image=DEFAULT_IMAGES[system],
            auth=Auth(auth or default_auth(os)),
            ssh_key=ssh_key,
        ),
        network=Network(allow_admin=(choice.admin_from,) if choice.admin_from else tuple(admin_from)),
    )


def default_auth(os: str) -> str:
    """How the administrator signs in when nobody says: by key where the system knows keys."""
    return "password" if os == OsType.WINDOWS else "ssh-key"
