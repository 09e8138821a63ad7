"""What is deleted, in which order, and what stops it before the first delete."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import pytest

from tests.deploy.memory import NAME, SUBSCRIPTION, Memory, beside_time, conflict
from wizard import ids
from wizard.blueprint.resource import OWNER_TAG
from wizard.deploy import teardown
from wizard.deploy.events import Destroyed, Event, Interrupted, ResourceDeleted, ResourceRetried
from wizard.deploy.teardown import DestroyFailed
from wizard.errors import WizardError

OURS = {OWNER_TAG: NAME}


def there(type: str, *names: str, **fields: Any) -> dict[str, Any]:
    """A resource that the group holds; ours unless `tags` says otherwise."""
    made = ids.resource_id(SUBSCRIPTION, NAME, type, *names)
    return {"id": made, "name": names[-1], "type": type, "tags": OURS, **fields}


def the_group(**fields: Any) -> dict[str, Any]:
    return {"id": ids.group_id(SUBSCRIPTION, NAME), "name": NAME, "tags": OURS, **fields}


VM = "Microsoft.Compute/virtualMachines"
NIC = "Microsoft.Network/networkInterfaces"


def fleet() -> Memory:
    """A whole deployment of two VMs, in no order, with what the VMs brought along untagged."""
    return Memory(
        the_group(),
        there("Microsoft.Network/publicIPAddresses", "pip"),
        there("Microsoft.Network/virtualNetworks", "vnet"),
        there("Microsoft.Network/networkSecurityGroups", "nsg"),
        there("Microsoft.Network/natGateways", "nat"),
        there("Microsoft.Network/loadBalancers", "lb"),
        there("Microsoft.Compute/availabilitySets", "as"),
        there(NIC, "nic1"),
        there(NIC, "nic2"),
        there(VM, "vm1"),
        there(VM, "vm2"),
        there("Microsoft.Compute/virtualMachines/extensions", "vm1", "enablevmaccess", tags=None),
        there("Microsoft.Compute/disks", "vm1-disk", tags=None, managedBy=there(VM, "VM1")["id"].upper()),
    )


class Fleet(Memory):
    """Takes a VM's disk and extension along with it, as deleteOption has it."""

    async def begin_delete(self, id):
        answer = await super().begin_delete(id)
        if ids.parse(id).name == "vm1":
            for key in [key for key in self.documents if "vm1" in key]:
                del self.documents[key]
        return answer


def as_fleet(memory: Memory) -> Memory:
    return Fleet(*memory.documents.values())


async def run(memory: Memory) -> tuple[int, list[Event]]:
    events: list[Event] = []
    deleted = await beside_time(memory, teardown.destroy(memory, NAME, events.append))
    return deleted, events


async def test_everything_goes_users_before_what_they_use():
    memory = as_fleet(fleet())
    deleted, events = await run(memory)
    assert memory.documents == {}
    place = {ids.parse(gone).name: number for number, gone in enumerate(memory.deletes)}
    for user, used in [
        ("vm1", "nic1"),
        ("vm2", "nic1"),
        ("vm1", "as"),
        ("nic2", "lb"),
        ("nic2", "vnet"),
        ("lb", "vnet"),
        ("lb", "pip"),
        ("vnet", "nat"),
        ("vnet", "nsg"),
        ("nat", "pip"),
        ("pip", NAME),
        ("nsg", NAME),
        ("as", NAME),
    ]:
        assert place[user] < place[used], (user, used)
    assert deleted == 11
    assert memory.most_at_once >= 2
    assert events[-1] == Destroyed(NAME, 11)
    assert len([e for e in events if isinstance(e, ResourceDeleted)]) == 11
    assert "vm1-disk" not in memory.names(memory.deletes)
    assert "enablevmaccess" not in memory.names(memory.deletes)


@pytest.mark.parametrize("kind", [VM, "Microsoft.Compute/virtualMachineScaleSets"])
async def test_what_agents_go_by_goes_after_their_machines(kind: str):
    memory = Memory(
        the_group(),
        there("Microsoft.OperationalInsights/workspaces", "log"),
        there("Microsoft.Insights/dataCollectionRules", "dcr"),
        there("Microsoft.ManagedIdentity/userAssignedIdentities", "agent"),
        there(kind, "machines"),
    )
    await run(memory)
    place = {ids.parse(gone).name: number for number, gone in enumerate(memory.deletes)}
    assert place["machines"] < place["dcr"] < place["log"]
    assert place["machines"] < place["agent"]


async def test_a_deployment_that_is_not_there_is_destroyed():
    memory = Memory()
    assert await run(memory) == (0, [Destroyed(NAME, 0)])
    assert memory.deletes == []


@pytest.mark.parametrize(
    "foreign",
    [
        there("Microsoft.Storage/storageAccounts", "theirs", tags=None),
        there("Microsoft.Storage/storageAccounts", "theirs", tags={"env": "x"}),
        there("Microsoft.Storage/storageAccounts", "theirs", tags={OWNER_TAG: "another"}),
        there("Microsoft.Compute/disks", "theirs", tags=None),
        there("Microsoft.Compute/disks", "theirs", tags=None, managedBy=there(VM, "vm9")["id"]),
        there("Microsoft.Compute/virtualMachines", "theirs", tags=None),
        there("Microsoft.Compute/virtualMachines/extensions", "theirs", "theirs", tags=None),
    ],
)
async def test_something_foreign_stops_it_before_anything_is_deleted(foreign):
    memory = as_fleet(fleet())
    memory.documents[ids.key(foreign["id"])] = foreign
    with pytest.raises(WizardError, match="theirs") as raised:
        await run(memory)
    assert memory.deletes == []
    assert "Nothing was deleted" in raised.value.why
    assert raised.value.remedy


@pytest.mark.parametrize("tags", [None, {}, {OWNER_TAG: "another"}])
async def test_a_group_that_is_not_ours_is_left_alone(tags):
    memory = Memory(the_group(tags=tags))
    with pytest.raises(WizardError, match="does not belong"):
        await run(memory)
    assert memory.deletes == []


async def test_a_group_that_holds_something_foreign_by_the_end_stays():
    memory = as_fleet(fleet())
    theirs = there("Microsoft.Storage/storageAccounts", "theirs", tags=None)

    def appear(number: int) -> None:
        memory.documents[ids.key(theirs["id"])] = theirs

    memory.on_round = appear
    with pytest.raises(WizardError, match="theirs"):
        await run(memory)
    assert NAME not in memory.names(memory.deletes)
    assert ids.key(theirs["id"]) in memory.documents


async def test_in_use_is_tried_again():
    memory = as_fleet(fleet())
    memory.refusals["nic1"] = deque([conflict("NicInUse", 400), conflict("NicInUse", 400)])
    memory.failures["vnet"] = deque([conflict("InUseSubnetCannotBeDeleted", None)])
    memory.documents[ids.key(there("Microsoft.Network/virtualNetworks", "vnet")["id"])]["tags"] = OURS
    _, events = await run(memory)
    assert [e.code for e in events if isinstance(e, ResourceRetried)] == [
        "NicInUse",
        "NicInUse",
        "InUseSubnetCannotBeDeleted",
    ]
    assert memory.documents == {}


async def test_what_cannot_be_deleted_is_named_and_what_it_uses_stays():
    memory = as_fleet(fleet())
    memory.refusals["lb"] = deque([conflict("ScopeLocked")])
    with pytest.raises(DestroyFailed, match="lb could not be deleted") as raised:
        await run(memory)
    assert raised.value.remedy
    gone = memory.names(memory.deletes)
    assert {"vm1", "vm2", "nic1", "nic2", "as"} <= set(gone)
    assert not {"vnet", "pip", NAME} & set(gone)


async def test_a_second_run_finishes_what_the_first_could_not():
    memory = as_fleet(fleet())
    memory.refusals["lb"] = deque([conflict("ScopeLocked")])
    with pytest.raises(DestroyFailed):
        await run(memory)
    deleted, _ = await run(memory)
    assert memory.documents == {}
    assert deleted == 6  # lb, vnet, nat, nsg, pip and the group


async def test_a_disk_that_takes_its_time_is_waited_for():
    memory = fleet()  # the disk stays for a while after its VM
    disk = ids.key(there("Microsoft.Compute/disks", "vm1-disk")["id"])
    extension = ids.key(there("Microsoft.Compute/virtualMachines/extensions", "vm1", "enablevmaccess")["id"])

    def vanish(number: int) -> None:
        if number >= 7:
            memory.documents.pop(disk, None)
        memory.documents.pop(extension, None)

    memory.on_round = vanish
    listed = memory.list_group
    lists = 0

    async def list_group(group):
        nonlocal lists
        lists += 1
        if lists == 4:
            memory.documents.pop(disk, None)
        return await listed(group)

    memory.list_group = list_group  # type: ignore[method-assign]
    deleted, _ = await run(memory)
    assert memory.documents == {}
    assert deleted == 11
    assert lists >= 3


async def test_a_group_that_is_going_already_is_waited_for():
    memory = Memory(the_group(properties={"provisioningState": "Deleting"}))

    def gone(name: str, times: int) -> None:
        if times == 3:
            memory.documents.clear()

    memory.on_read = gone
    assert (await run(memory))[0] == 0
    assert memory.deletes == []


async def test_cancelled_it_tells_what_is_going_and_leaves_no_task():
    memory = as_fleet(fleet())
    events: list[Event] = []
    destroying = asyncio.create_task(teardown.destroy(memory, NAME, events.append))
    memory.on_round = lambda number: destroying.cancel() if number == 1 else None
    with pytest.raises(asyncio.CancelledError):
        await beside_time(memory, destroying)
    assert sorted(memory.names(memory.deletes)) == ["vm1", "vm2"]
    last = events[-1]
    assert isinstance(last, Interrupted)
    assert sorted(memory.names(list(last.running))) == ["vm1", "vm2"]
    assert [t for t in asyncio.all_tasks() if t is not asyncio.current_task()] == []
