"""The parts of a patching that ask nobody: turns, what is due, how an ending is judged."""

from __future__ import annotations

from typing import Any

import pytest

from wizard.blueprint import names
from wizard.blueprint.resource import Blueprint, Resource
from wizard.commands import patch as command
from wizard.errors import AzureError
from wizard.patch import Wanted
from wizard.patch.assess import assessed
from wizard.patch.events import Assessed
from wizard.patch.install import NotPatched, judged, refuse_unknown
from wizard.patch.turns import Turn, turns
from wizard.plan.patching import Reboot, Updates
from wizard.verify.drill import domains
from wizard.verify.drill.domains import Domain
from wizard.verify.machines import Machine

BASE = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines"


def machine(number: int, *, windows: bool = False) -> Machine:
    return Machine(f"vm{number}", f"{BASE}/vm{number}", f"vm{number}", (), windows)


def blueprint(*, scale_set: bool) -> Blueprint:
    resource = Resource("/subscriptions/s/resourceGroups/rg/providers/x/y/set", names.SCALE_SET, "set", {})
    return Blueprint("rg", "s", "westeurope", (resource,) if scale_set else ())


async def taken(monkeypatch: pytest.MonkeyPatch, found: list[Domain], *, scale_set: bool, share: int = 0) -> list[Any]:
    async def in_turn(*_: Any) -> list[Domain]:
        return found

    monkeypatch.setattr(domains, "in_turn", in_turn)
    everyone = [one for domain in found for one in domain.machines]
    order = await turns(None, blueprint(scale_set=scale_set), everyone, share)  # type: ignore[arg-type]
    return [(turn.name, [one.name for one in turn.machines]) for turn in order]


async def test_domains_and_zones_are_turns_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [Domain("update domain 0", [machine(1), machine(3)]), Domain("update domain 1", [machine(2)])]
    order = await taken(monkeypatch, found, scale_set=False, share=50)
    assert order == [("update domain 0", ["vm1", "vm3"]), ("update domain 1", ["vm2"])], "a share is a scale set's"
    zones = [Domain("zone 1", [machine(1)]), Domain("zone 2", [machine(2)])]
    assert await taken(monkeypatch, zones, scale_set=False) == [("zone 1", ["vm1"]), ("zone 2", ["vm2"])]


async def test_a_scale_set_goes_by_machine_or_by_a_share_and_never_spans_two_zones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    zones = [Domain("zone 1", [machine(1), machine(2), machine(3)]), Domain("zone 2", [machine(4), machine(5)])]
    one = await taken(monkeypatch, zones, scale_set=True)
    assert [vms for _, vms in one] == [["vm1"], ["vm2"], ["vm3"], ["vm4"], ["vm5"]]
    half = await taken(monkeypatch, zones, scale_set=True, share=50)
    assert half == [("vm1, vm2", ["vm1", "vm2"]), ("vm3", ["vm3"]), ("vm4, vm5", ["vm4", "vm5"])]
    none = [Domain(f"vm{number}", [machine(number)]) for number in range(1, 5)]
    assert [vms for _, vms in await taken(monkeypatch, none, scale_set=True, share=50)] == [
        ["vm1", "vm2"],
        ["vm3", "vm4"],
    ]


def missing(*classes: str, pending: bool = False, windows: bool = False) -> Assessed:
    patches = [{"name": each, "classes": [each]} for each in classes]
    return Assessed("vm1", "zone 1", 0, 0, 0, pending, patches, windows)


def test_what_is_due_goes_by_class_and_a_pending_restart_by_whether_one_is_allowed() -> None:
    found = missing("Critical", "Security", "Other", "Other")
    due = {updates: Wanted(updates=updates).due(found) for updates in Updates}
    assert due == {Updates.CRITICAL: 1, Updates.SECURITY: 2, Updates.ALL: 4}
    assert Wanted(updates=Updates.ALL).due(missing("Definition", windows=True)) == 1
    assert not Wanted().concerns(missing("Other"))
    assert Wanted().concerns(missing(pending=True))
    assert not Wanted(reboot=Reboot.NEVER).concerns(missing(pending=True))


def test_the_body_is_azures_for_each_system() -> None:
    wanted = Wanted(updates=Updates.CRITICAL, reboot=Reboot.NEVER, minutes=45)
    common = {"maximumDuration": "PT45M", "rebootSetting": "Never"}
    classes = {"classificationsToInclude": ["Critical"]}
    assert wanted.body(windows=False) == {**common, "linuxParameters": classes}
    assert wanted.body(windows=True) == {**common, "windowsParameters": classes}


@pytest.mark.parametrize(
    ("answer", "why", "remedy"),
    [
        ({"status": "Succeeded", "rebootStatus": "Required"}, "", ""),
        ({"status": "Succeeded", "maintenanceWindowExceeded": True, "pendingPatchCount": 3}, "3 updates", "--maximum"),
        ({"status": "CompletedWithWarnings", "failedPatchCount": 1}, "1 of its updates", "patch again"),
        ({"status": "Succeeded", "rebootStatus": "Failed"}, "could not be restarted", "az vm restart --ids"),
        ({"status": "Failed", "error": {"details": [{"message": "No mirror."}]}}, "No mirror.", "LinuxPatchExtension"),
        ({}, "ended as Unknown", "patch again"),
    ],
)
def test_an_ending_that_is_not_good_has_a_reason_and_a_remedy(answer: dict[str, Any], why: str, remedy: str) -> None:
    found = judged(answer, machine(1), Wanted())
    assert why in found[0]
    assert remedy in found[1]
    assert bool(found[0]) == bool(found[1]) == bool(why)


class Answers:
    """An Azure that answers every assessment with one document, or refuses it."""

    def __init__(self, told: dict[str, Any] | AzureError) -> None:
        self.told = told
        self.compute = self.virtual_machines = self

    async def act(self, id: str, begin: Any) -> Any:
        return await (await begin()).result()

    async def begin_assess_patches(self, group: str, name: str) -> Answers:
        if isinstance(self.told, AzureError):
            raise self.told
        return self

    async def result(self) -> Answers:
        return self

    def as_dict(self) -> Any:
        return self.told


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"status": "Failed", "error": {"message": "x", "details": [{"message": "No mirror answers."}]}}, "No mirror"),
        ({"status": "Unknown"}, "ended as Unknown"),
        (AzureError("The agent of vm1 does not report.", status=409), "does not report"),
    ],
)
async def test_what_azure_cannot_assess_is_told_and_keeps_it_from_beginning(told: Any, why: str) -> None:
    events: list[Any] = []
    order = [Turn("zone 1", [machine(1)])]
    found = await assessed("rg", Answers(told), Wanted(), order, events.append)  # type: ignore[arg-type]
    assert why in found[0].why
    assert events[-1].failed == 1
    with pytest.raises(NotPatched, match="vm1 could not be assessed, and nothing was installed"):
        refuse_unknown("rg", found)
    assert "could not be assessed" in command.due_line(found[0])
