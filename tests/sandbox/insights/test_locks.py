"""A lock is in force at its scope, below it, and for whoever would delete what holds it."""

from __future__ import annotations

from tests.sandbox.arm import bodies
from tests.sandbox.arm.conftest import Arm, arm, group, session

__all__ = ["arm", "group", "session"]

LOCK = "/providers/Microsoft.Authorization/locks/keep"


async def test_a_lock_keeps_what_it_says(arm: Arm, group: str) -> None:
    nsg = f"{group}/providers/Microsoft.Network/networkSecurityGroups/nsg"
    await arm.put(nsg, bodies.nsg())
    assert (await arm("PUT", f"{group}{LOCK}", {"properties": {"level": "Forever"}})).status == 400
    assert (await arm("PUT", f"{group}{LOCK}", {"properties": {"level": "CanNotDelete"}})).status == 201
    for path in (nsg, group):
        refused = await arm("DELETE", path)
        assert (refused.status, refused.code) == (409, "ScopeLocked")
    await arm.put(nsg, bodies.nsg(bodies.rule()))
    assert [one["name"] for one in (await arm("GET", f"{group}{LOCK.rsplit('/', 1)[0]}")).body["value"]] == ["keep"]
    assert (await arm("DELETE", f"{group}{LOCK}")).status == 200
    assert (await arm("PUT", f"{nsg}{LOCK}", {"properties": {"level": "ReadOnly"}})).status == 201
    assert (await arm("PUT", nsg, bodies.nsg())).code == "ScopeLocked"
    assert (await arm("DELETE", group)).code == "ScopeLocked"
    assert (await arm("GET", nsg)).status == 200
    assert (await arm("DELETE", f"{nsg}{LOCK}")).status == 200
    assert (await arm("DELETE", f"{nsg}{LOCK}")).status == 204
    await arm.delete(nsg)
