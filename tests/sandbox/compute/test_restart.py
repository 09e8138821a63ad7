"""A sandbox that ends in the middle of a creation and is started again: the machine is there, and it is finished."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SPEED
from tests.sandbox.compute.test_live import machine_body
from wizard.azure import clients, clouds
from wizard.sandbox import control


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MULTIVM_HOME", str(tmp_path))
    yield
    _stop()


def _start() -> None:
    control.start(speed=SPEED)


def _stop() -> None:
    state = control.running()
    control.stop()
    if state is not None:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(int(state["pid"]), 0)


async def test_a_creation_goes_on_after_a_restart(own_home: None, group_name: str) -> None:
    await asyncio.to_thread(_start)
    async with clients.connect(clouds.find("sandbox")) as azure:
        body = await machine_body(azure, group_name)
        await azure.compute.virtual_machines.begin_create_or_update(group_name, "vm1", body, polling=False)  # type: ignore[call-overload]
    await asyncio.to_thread(_stop)
    await asyncio.to_thread(_start)
    async with clients.connect(clouds.find("sandbox")) as azure:
        machines = azure.compute.virtual_machines
        async with asyncio.timeout(30):
            while await _state(machines, group_name) == "Creating":  # noqa: ASYNC110 - another process works on it
                await asyncio.sleep(0.05)
        shown = (await machines.get(group_name, "vm1", expand="instanceView")).as_dict()["properties"]
        assert shown["provisioningState"] == "Succeeded"
        assert [one["code"] for one in shown["instanceView"]["statuses"]][1] == "PowerState/running"
        # The group takes its running machine along.
        await (await azure.resource.resource_groups.begin_delete(group_name)).result()
        assert await azure.list_group(group_name) is None


async def _state(machines: Any, group: str) -> str:
    return str((await machines.get(group, "vm1")).as_dict()["properties"]["provisioningState"])
