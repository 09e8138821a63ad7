"""How the screens of work under way look: 80x24 and 120x40, dark, light and without colour."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest

from screens.app import WizardApp
from screens.dialogs import PasswordScreen
from screens.ledger import Ledger
from screens.reset_form import LEAVER, MODE
from screens.widgets.pick import PickScreen
from tests.screens.conftest import until
from tests.screens.desks import scale_outlook
from tests.screens.looks import assert_looks
from tests.screens.plays import (
    ASSESSMENT,
    BALANCER,
    NSG,
    VNET,
    Stage,
    assessed,
    domain_begun,
    nic,
    patched,
    patching,
    plan_of,
    planned,
    resource,
    staged,
    status,
    vm,
    vm_patched,
)


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
    await until(pilot, lambda: screen.plan and screen.query_one("#machines").total())
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


async def scaling(app: WizardApp, pilot: Any, stage: Stage) -> None:
    app.go("scale", name="rg")
    screen = await here(app, pilot, "scale")
    await until(pilot, lambda: screen.outlook)
    await pilot.press("right", "right")
    await until(pilot, lambda: screen.outlook and screen.outlook["to"] == 5)


async def draining(app: WizardApp, pilot: Any, stage: Stage) -> None:
    play = stage.play(kind="scale", name="rg", request={"count": 2})
    app.go("scale", name="rg")
    screen = await here(app, pilot, "scale")
    await until(pilot, lambda: screen.run)
    play.tell(
        planned(BALANCER),
        planned(nic(3)),
        planned(vm(3), nic(3)),
        {"event": "draining", "vm": "web3", "at": 29.0, "seconds": 30.0},
        resource(nic(3), "started", 29.0),
        resource(nic(3), "done", 30.0),
    )
    await until(pilot, lambda: screen.ledger.count() == 1)


async def scaled(app: WizardApp, pilot: Any, stage: Stage) -> None:
    await draining(app, pilot, stage)
    ssh = {"web1": "127.1.2.3:50001", "web2": "127.1.2.3:50002"}
    done = {"event": "scaled", "name": "rg", "from": 3, "to": 2, "http": "http://127.1.2.3:8081", "ssh": ssh, "rdp": {}}
    stage.plays[0].tell({"event": "deleting", "id": vm(3), "at": 30.0}, {"event": "deleted", "id": vm(3), "at": 31.0})
    stage.plays[0].tell(done)
    stage.plays[0].end()
    await until(pilot, lambda: app.screen.over)  # type: ignore[attr-defined]


LOOKED = (
    assessed("web1", "update domain 0", "Security", "Other"),
    assessed("web2", "update domain 1", "Security", "Critical", "Other"),
    assessed("web3", "update domain 2", "Other"),
    ASSESSMENT,
)


async def due(app: WizardApp, pilot: Any, stage: Stage) -> None:
    app.go("patch", name="rg")
    screen = await here(app, pilot, "patch")
    await pilot.press("f3")
    await until(pilot, lambda: screen.run and screen.plan)
    stage.plays[0].tell(*LOOKED)
    stage.plays[0].end()
    await until(pilot, lambda: screen.over)


async def patching_domains(app: WizardApp, pilot: Any, stage: Stage) -> None:
    play = stage.play(kind="patch", name="rg", request={"rate": 100.0})
    app.go("patch", name="rg")
    screen = await here(app, pilot, "patch")
    first, second = "update domain 0", "update domain 1"
    total = {"requests": 4800, "errors": 0, "by_vm": {}}
    play.tell(*LOOKED, patching("web3", "update domain 2", "current", 0.1), patching("web1", first, "waiting", 0.1))
    play.tell(vm_patched("web1", first, 27.0), patching("web1", first, "done", 28.0))
    play.tell(domain_begun(second, 2, 2, 29.0, "web2"), patching("web2", second, "draining", 31.0, "30 s"))
    play.tell({"event": "load_progress", "at": 31.0, "total": total})
    await until(pilot, lambda: screen.course.load and screen.plan)


async def patched_all(app: WizardApp, pilot: Any, stage: Stage) -> None:
    await patching_domains(app, pilot, stage)
    second = "update domain 1"
    stage.plays[0].tell(vm_patched("web2", second, 50.0), patching("web2", second, "done", 61.0))
    stage.plays[0].tell(patched(2, requests=9120, failed_requests=0, longest_gap_s=0.12))
    stage.plays[0].end()
    await until(pilot, lambda: app.screen.over)  # type: ignore[attr-defined]


async def removing(app: WizardApp, pilot: Any, stage: Stage) -> None:
    app.go("reset", name="rg")
    screen = await here(app, pilot, "reset")
    await until(pilot, lambda: screen.plan)
    screen.control(MODE).answer = "remove-user"
    screen.control(LEAVER).answer = "azureuser"
    screen.show_fields()
    screen.changed()
    await until(pilot, lambda: screen.warnings)
    screen.field(LEAVER).enter()


async def drilling(app: WizardApp, pilot: Any, stage: Stage) -> None:
    play = stage.play(kind="drill", name="rg")
    app.go("verify", name="rg", begin="")
    screen = await here(app, pilot, "verify")
    await until(pilot, lambda: screen.run)
    steps = [event for event in load() if event["event"] == "load_progress"]
    told = [
        {**event, "at": at / 2, "rps": 100.0, "errors": 30 if 20 < at < 34 else 0} for at, event in enumerate(steps * 6)
    ]
    marks = ((0.0, "the load runs"), (9.5, "stopping web1"), (17.0, "web1 out of rotation"), (21.0, "starting web1"))
    play.tell(*told, *({"event": "mark", "at": at, "what": what} for at, what in marks))
    await until(pilot, lambda: len(screen.traffic.marks) == 4 and screen.status)


async def choosing(app: WizardApp, pilot: Any, stage: Stage) -> None:
    app.go("verify", name="rg", begin="drill")
    await until(pilot, lambda: isinstance(app.screen, PickScreen))


async def asking(app: WizardApp, pilot: Any, stage: Stage) -> None:
    app.go("verify", name="rg")
    await until(pilot, lambda: isinstance(app.screen, PasswordScreen))


SCENES: dict[str, Callable[..., Awaitable[None]]] = {
    "deploying": under_way,
    "failed": failed,
    "verify": verifying,
    "drill": drilling,
    "drill-choice": choosing,
    "password": asking,
    "reset": resetting,
    "remove": removing,
    "scale": scaling,
    "draining": draining,
    "scaled": scaled,
    "patch": due,
    "patching": patching_domains,
    "patched": patched_all,
    "home": at_home,
}


@pytest.mark.parametrize("scene", SCENES)
async def test_looks(wizard, desk, snapshot, monkeypatch, scene):
    monkeypatch.setattr(Ledger, "now", lambda self: 31.0)
    stage = staged(monkeypatch)
    auth = "ssh-key" if scene in ("verify", "drill") else "password"
    desk.answers["status"] = status(3, auth=auth)
    desk.answers["scale_outlook"] = partial(scale_outlook, there=3, auth="password")
    users = {"web1": ["azureuser", "second"]}
    desk.answers["reset_outlook"] = {"warnings": ["What runs as azureuser may end."], "users": users}
    async with wizard() as pilot:
        app = pilot.app
        for key, value in {"name": "rg", "prefix": "web", "machines.count": 3}.items():
            app.answers.set(key, value, commit=True)
        await SCENES[scene](app, pilot, stage)

        async def drawn() -> None:
            await pilot.pause(0.4)
            app.clear_notifications()
            if draw := getattr(app.screen, "draw", None):
                draw()
            await pilot.pause(0.2)

        await assert_looks(pilot, snapshot, drawn)
