"""How the screens of work under way look: 80x24 and 120x40, dark, light and without colour."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from screens.app import WizardApp
from screens.ledger import Ledger
from tests.screens.conftest import settled, until
from tests.screens.desks import FakeDesk
from tests.screens.plays import BALANCER, NSG, VNET, Stage, nic, plan_of, resource, staged, status, vm

SIZES = {"80x24": (80, 24), "120x40": (120, 40)}
LOOKS = ("dark", "light", "no-colour")


def checks() -> list[dict[str, Any]]:
    names = ("control.present", "control.as_planned", "balancer.probe", "http.page", "ssh.login", "ssh.hostname")
    told = [
        {"event": "check", "name": name, "target": f"web{number}", "state": "passed", "detail": "", "remedy": ""}
        for name in names
        for number in (1, 2, 3)
    ]
    failed = {"event": "check", "name": "vm.service", "target": "web3", "state": "failed"}
    return [*told, {**failed, "detail": "nginx is not running", "remedy": "Start it: sudo systemctl start nginx"}]


def load() -> list[dict[str, Any]]:
    rates = (1200, 3900, 5100, 5231, 5180, 5230, 4100, 5200, 5231)
    by_vm = {"web1": 3340, "web2": 3320, "web3": 3340}
    total = {"requests": 10_000, "errors": 3, "by_vm": by_vm}
    figures = {"p50_ms": 1.2, "p90_ms": 2.0, "p99_ms": 4.1, "errors": 0, "by_vm": by_vm, "total": total}
    return [
        {"event": "loading", "url": "http://127.1.2.3:8081/", "duration_s": 15.0, "vms": list(by_vm)},
        *({"event": "load_progress", "at": at / 2, "rps": rate, **figures} for at, rate in enumerate(rates, 1)),
    ]


async def under_way(app: WizardApp, pilot: Any, stage: Stage) -> None:
    app.go("deploying", start=True)
    screen = await here(app, pilot, "deploying")
    await until(pilot, lambda: screen.run)
    stage.plays[0].tell(
        *plan_of(3),
        resource(NSG, "started", 0.0),
        resource(NSG, "done", 4.0),
        resource(VNET, "started", 4.0),
        resource(VNET, "done", 9.0),
        resource(BALANCER, "started", 4.0),
        resource(BALANCER, "done", 8.0),
        resource(nic(1), "started", 9.0),
        resource(nic(1), "done", 11.0),
        resource(nic(2), "started", 9.0),
        resource(vm(1), "started", 11.0),
    )
    await until(pilot, lambda: screen.ledger.count() == 4)


async def failed(app: WizardApp, pilot: Any, stage: Stage) -> None:
    await under_way(app, pilot, stage)
    why = "SkuNotAvailable: Standard_D2s_v5 is not available in westeurope."
    stage.plays[0].tell(resource(vm(1), "failed", 14.0, why=why, remedy="Choose another size or region."))
    stage.plays[0].end("failed", 1, what="One resource failed.")
    await until(pilot, lambda: app.screen.over)  # type: ignore[attr-defined]


async def verifying(app: WizardApp, pilot: Any, stage: Stage) -> None:
    app.go("verify", name="rg")
    screen = await here(app, pilot, "verify")
    await until(pilot, lambda: screen.run)
    stage.plays[0].tell(*checks())
    stage.plays[0].end("done", 1)
    await until(pilot, lambda: screen.kind == "load")
    stage.plays[0].tell(*load())
    await until(pilot, lambda: len(screen.traffic.steps) == 9)


async def resetting(app: WizardApp, pilot: Any, stage: Stage) -> None:
    app.go("reset", name="rg")
    screen = await here(app, pilot, "reset")
    await until(pilot, lambda: screen.plan)
    await pilot.press("ctrl+g")
    await until(pilot, lambda: screen.made)
    await pilot.press("f3")
    await until(pilot, lambda: screen.run)
    done = {"event": "reset", "user": "azureuser", "mode": "password", "other_logins": (), "detail": "", "remedy": ""}
    stage.plays[0].tell(
        {**done, "vm": "web1", "state": "proved", "new_login": True, "old_login_refused": True},
        {"event": "step", "vm": "web2", "step": "resetting", "detail": "VMAccess at work"},
    )
    await until(pilot, lambda: len(screen.results) == 1)
    app.clear_notifications()


async def at_home(app: WizardApp, pilot: Any, stage: Stage) -> None:
    app.go("home", name="rg")
    screen = await here(app, pilot, "home")
    await until(pilot, lambda: screen.status)


async def here(app: WizardApp, pilot: Any, step: str) -> Any:
    await until(pilot, lambda: app.screen.step_id == step and app.screen.stands)  # type: ignore[attr-defined]
    return app.screen


SCENES: dict[str, Callable[..., Awaitable[None]]] = {
    "deploying": under_way,
    "failed": failed,
    "verify": verifying,
    "reset": resetting,
    "home": at_home,
}


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scene", SCENES)
def test_a_scene(snap_compare, monkeypatch, scene, size, look):
    if look == "no-colour":
        monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(Ledger, "now", lambda self: 31.0)
    stage = staged(monkeypatch)
    app = WizardApp(desk=FakeDesk(status=status(3, auth="password")))

    async def before(pilot) -> None:
        await until(pilot, lambda: getattr(app.screen, "step_id", "") == "start")
        await app.completed()
        await settled(pilot)
        if look == "light":
            app.action_toggle_theme()
        for key, value in {"name": "rg", "prefix": "web", "machines.count": 3}.items():
            app.answers.set(key, value, commit=True)
        await SCENES[scene](app, pilot, stage)
        await pilot.pause(0.6)

    assert snap_compare(app, terminal_size=SIZES[size], run_before=before)
