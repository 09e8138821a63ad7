"""What a killed drill has left stopped is started by whoever works on the deployment next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from tests.verify.stand import Stand, standing
from wizard import blueprint
from wizard.azure.clients import Azure
from wizard.deploy import scale, stopped
from wizard.deploy.events import BroughtBack
from wizard.plan.model import Auth
from wizard.reset import reset
from wizard.verify import health, machines


@pytest.fixture(scope="module")
def stand(sandbox: dict[str, Any]) -> Iterator[Stand]:
    with standing(Auth.PASSWORD, 2, page=False) as made:
        yield made


async def left_stopped(stand: Stand, azure: Azure) -> machines.Machine:
    """The second VM, as a drill leaves it that was killed."""
    machine = machines.of(blueprint.build(stand.plan, azure.subscription_id))[1]
    with stopped.Stopping(stand.record.folder) as stopping:
        stopping.note([machine.id])
    poller: Any = await azure.compute.virtual_machines.begin_power_off(machine.group, machine.vm_name)
    await poller.result()
    assert health.power_state(await health.instance(azure, machine)) == "stopped"
    return machine


async def test_by_a_reset_which_finds_it_ready(stand: Stand, azure: Azure) -> None:
    machine = await left_stopped(stand, azure)
    told: list[Any] = []
    passwords = {machine.name: SecretStr("second-Horse-22")}
    [done] = await reset(
        stand.record, azure, [machine.name], new=passwords, old=stand.passwords[machine.name], emit=told.append
    )
    assert [event.vms for event in told if isinstance(event, BroughtBack)] == [(machine.name,)]
    assert (done.state, done.detail != "") == ("proved", True)


async def test_by_scaling_before_anything_is_written(stand: Stand, azure: Azure) -> None:
    machine = await left_stopped(stand, azure)
    told: list[Any] = []
    outlook = await scale.look(stand.record, azure, 3)
    await scale.carry_out(outlook, azure, {"web3": SecretStr("third-Horse-333")}, told.append)
    assert isinstance(told[0], BroughtBack)
    assert told[0].vms == (machine.name,)
    assert health.power_state(await health.instance(azure, machine)) == "running"
    assert stopped.left(stand.record.folder) == ()
