"""How Network, Load balancer, Storage and Review look: by size and theme. `--snapshot-update` takes new pictures."""

from __future__ import annotations

from typing import Any

import pytest

from screens.app import WizardApp
from tests.screens.conftest import settled, until
from tests.screens.desks import PUBLIC, FakeDesk
from tests.screens.test_review import QUOTA, outlook, resources

SIZES = {"80x24": (80, 24), "120x40": (120, 40)}
LOOKS = ("dark", "light", "no-colour")
ANSWERS: dict[str, dict[str, Any]] = {
    "network": {"network.allow_admin": ("Internet",)},
    "balancer": {"machines.count": 9, "balancer.nat_first_port": 78},
    "storage": {"tags": {"owner": "me@example.org", "a<b": "x"}, "machines.os_disk": "Standard_LRS"},
    "review": {"machines.count": 3},
}


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("step", ANSWERS)
def test_looks(snap_compare, monkeypatch, step, size, look):
    if look == "no-colour":
        monkeypatch.setenv("NO_COLOR", "1")
    problems = [{**QUOTA, "severity": "warning"}] if size == "80x24" else []
    preflight = {"ready": True, "problems": problems, "seconds": 1.2}
    app = WizardApp(desk=FakeDesk(blueprint=resources, outlook=outlook, preflight=preflight))

    async def there(pilot):
        await until(pilot, lambda: getattr(app.screen, "step_id", "") == "start")
        await app.completed()
        await settled(pilot)
        if look == "light":
            app.action_toggle_theme()
        values = {"name": "ra-multi-vm-rg", "machines.ssh_key": PUBLIC, **ANSWERS[step]}
        for key, value in values.items():
            app.answers.set(key, value, commit=True)
        app.progress.asked.add(step)
        app.go(step)
        await until(pilot, lambda: getattr(app.screen, "step_id", "") == step)
        if step == "review":
            await until(pilot, lambda: any(_summary(each).endswith("all new") for each in app.screen.query("#planned")))
        await settled(pilot)
        await pilot.pause(0.3)  # the check that an answer would begin

    assert snap_compare(app, terminal_size=SIZES[size], run_before=there)


def _summary(section: Any) -> str:
    return str(section.summary)
