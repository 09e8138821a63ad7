"""From Create to a proven deployment and to its end, with the real desk, real runs and a real sandbox."""

from __future__ import annotations

import contextlib
import os

import pytest

from screens import verify
from screens.app import WizardApp
from screens.desk import Desk
from screens.dialogs import TypedScreen
from screens.widgets.doors import Doors
from tests.screens.conftest import until
from wizard import keys, runs
from wizard.sandbox import control

SPEED = 100.0
LONG_S = 120.0


@pytest.fixture
def running_sandbox(own_home):
    state = control.start(speed=SPEED)
    yield state
    control.stop()
    with contextlib.suppress(ChildProcessError):
        os.waitpid(int(state["pid"]), 0)


async def here(pilot, step: str):
    await until(pilot, lambda: getattr(pilot.app.screen, "step_id", "") == step and pilot.app.screen.stands, LONG_S)
    return pilot.app.screen


@pytest.mark.xdist_group("journey")
async def test_from_create_to_proof_to_nothing(running_sandbox, monkeypatch):
    monkeypatch.setattr(verify, "LOAD_S", 2.0)
    desk = Desk()
    app = WizardApp(desk=desk)
    async with app.run_test(size=(120, 40)) as pilot:
        await app.completed()
        await pilot.pause()
        answers = app.answers
        answers.set("name", "journey-rg", commit=True)
        answers.set("prefix", "web", commit=True)
        answers.set("balancer.frontend_port", 8087, commit=True)
        answers.set("balancer.probe_threshold", 1, commit=True)
        answers.set("machines.ssh_key", keys.ensure().public, commit=True)

        app.go("deploying", start=True)
        app.go("deploying", start=True)  # Create pressed twice
        await until(pilot, lambda: getattr(app.screen, "run", None) is not None, LONG_S)
        await pilot.press("f2")  # the deployment goes on while nobody looks
        await until(pilot, lambda: getattr(app.screen, "step_id", "") != "deploying")
        app.go("deploying")
        screen = await here(pilot, "deploying")
        await until(pilot, lambda: screen.over, LONG_S)
        assert screen.result.state == "done", screen.result
        assert len(runs.history("journey-rg")) == 1, "one Create, one run"
        assert screen.ledger.count() == len(screen.ledger.rows) == 12
        assert screen.ledger.deployed["http"].endswith(":8087")

        await pilot.press("f3")
        screen = await here(pilot, "verify")
        await until(pilot, lambda: screen.kind == "load" and screen.over, LONG_S)
        assert screen.findings.count("failed") == 0, screen.findings.failures()
        assert screen.findings.count("passed") > 20
        assert screen.traffic.result["errors"] == 0
        assert set(screen.traffic.shares) == {"web1", "web2"}
        assert all(screen.traffic.shares.values())
        await until(pilot, lambda: screen.query_one(Doors).total() == 3, LONG_S)

        await pilot.press("h")
        screen = await here(pilot, "home")
        await until(pilot, lambda: screen.status, LONG_S)
        assert screen.status["state"] == "deployed"
        await pilot.press("ctrl+d")
        await until(pilot, lambda: isinstance(app.screen, TypedScreen))
        await pilot.press(*"journey", "minus", *"rg", "enter")
        await until(pilot, lambda: screen.run is not None and screen.over, LONG_S)
        assert screen.result.state == "done", screen.result
    await desk.close()
