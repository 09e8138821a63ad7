"""How the form's steps look: at both sizes, dark, light and without colour. `--snapshot-update` takes new pictures."""

from __future__ import annotations

from typing import Any

import pytest

from tests.screens.conftest import settled, until
from tests.screens.desks import PUBLIC
from tests.screens.looks import assert_looks
from tests.screens.test_review import QUOTA, outlook, resources
from wizard.plan import not_yet

RULE = {
    "name": "deny-scanner",
    "priority": 100,
    "access": "deny",
    "direction": "inbound",
    "protocol": "tcp",
    "source": ["203.0.113.0/24"],
    "destination": ["*"],
    "ports": ["80"],
}
DISK = {"size_gb": 1024, "type": "StandardSSD_LRS", "caching": "read-only"}
STEPS: dict[str, tuple[str, dict[str, Any]]] = {
    "start": ("start", {}),
    "basics": ("basics", {}),
    "machines": ("machines", {}),
    "network": ("network", {"network.allow_admin": ("Internet",), "network.rules": (RULE,)}),
    "balancer": ("balancer", {"machines.count": 9, "balancer.nat_first_port": 78}),
    "storage": (
        "storage",
        {
            "tags": {"owner": "me@example.org", "a<b": "x"},
            "machines.os_disk": "Standard_LRS",
            "machines.data_disks": (DISK,),
        },
    ),
    "review": ("review", {"machines.count": 3}),
    "costs": ("review", {"machines.count": 3}),
    "scale-set": ("machines", {"machines.placement": "scale-set", "scale_set.autoscale": True}),
    "windows": ("machines", {"machines.os": "windows", "machines.auth": "password", "machines.placement": "zones"}),
}


@pytest.fixture(autouse=True)
def everything_deploys(monkeypatch):
    """Pictures show every choice there is: they do not change when one begins to deploy."""
    monkeypatch.setattr(not_yet, "_LIST", ())


@pytest.mark.parametrize("name", STEPS)
async def test_looks(wizard, desk, snapshot, name):
    step, answers = STEPS[name]
    problems = [{**QUOTA, "severity": "warning"}] if name == "review" else []
    desk.answers |= {
        "blueprint": resources,
        "outlook": outlook,
        "preflight": {"ready": True, "problems": problems, "seconds": 1.2},
    }
    async with wizard() as pilot:
        app = pilot.app
        for key, value in {"name": "ra-multi-vm-rg", "machines.ssh_key": PUBLIC, **answers}.items():
            app.answers.set(key, value, commit=True)
        app.progress.asked.add(step)

        async def there() -> None:
            app.go(step)
            await until(pilot, lambda: getattr(app.screen, "step_id", "") == step and app.screen.stands)
            if step == "review":
                await until(
                    pilot, lambda: any(each.summary.endswith("all new") for each in app.screen.query("#planned"))
                )
            for fold in app.screen.query("#scale-set, #costs") if name in ("scale-set", "costs") else ():
                fold.turn(True)
            await settled(pilot)
            await pilot.pause(0.3)  # the check that an answer would begin

        await assert_looks(pilot, snapshot, there)


async def test_problems(wizard, desk, snapshot):
    desk.answers["keys"] = []
    async with wizard("machines") as pilot:

        async def there() -> None:
            pilot.app.answers.set("machines.admin_user", "admin", commit=True)
            await pilot.press("f3")
            await settled(pilot)
            await pilot.pause(0.3)

        await assert_looks(pilot, snapshot, there)


async def test_a_list(wizard, snapshot):
    async with wizard("machines") as pilot:
        await pilot.press("down", "enter")
        await until(pilot, lambda: pilot.app.screen.query("#pick"))
        await settled(pilot)
        await assert_looks(pilot, snapshot)


async def test_a_rule(wizard, snapshot):
    async with wizard("network") as pilot:
        pilot.app.answers.set("network.rules", ({**RULE, "source": ["*"]},), commit=True)
        await settled(pilot)
        pilot.app.screen.field("network.rules").enter()
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen.query("#entry-problems"))
        await settled(pilot)
        await pilot.pause(0.3)
        await assert_looks(pilot, snapshot)
