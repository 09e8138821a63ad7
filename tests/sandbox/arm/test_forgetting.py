"""What a sandbox that lives long does not keep: operations that ended long ago, and references nobody has any more."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from wizard.sandbox.arm import operations
from wizard.sandbox.arm.network.references import References
from wizard.sandbox.store import Document, Store

NETWORK = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "state.sqlite")
    yield opened
    opened.close()


def operation(name: str, ago_s: float, status: str = "Succeeded") -> operations.Operation:
    began = time.time() - ago_s
    ended = began + 1 if status == "Succeeded" else 0.0
    return operations.Operation(name, "k", "t", "create", "n", "l", 1.0, began, began + 1, status=status, ended=ended)


@pytest.mark.parametrize(("speed", "left"), [(1.0, {"old", "running", "new"}), (1000.0, {"running", "new"})])
def test_operations_that_ended_long_ago_are_forgotten_as_fast_as_time_goes(store: Store, speed: float, left: set[str]):
    kept = [operation("new", 10), operation("old", 3600), operation("running", 7200, "InProgress")]
    for each in [*kept, operation("oldest", 2 * operations.KEPT_S)]:
        store.write("operation", each.id, asdict(each))
    mine = operations.Operations(store)
    mine.attach(cast("Any", SimpleNamespace(speed=speed, faults=SimpleNamespace(cleared=[]))), cast("Any", None))
    mine._forget_old()
    assert {name for name in ("oldest", "old", "running", "new") if mine.find(name)} == left
    assert {name for name, _ in store.items("operation")} == left


def test_references_of_what_is_gone_leave_nothing(store: Store):
    index = References(store)
    for number in range(3):
        subnet = {"subnet": {"id": f"{NETWORK}/virtualNetworks/v{number}/subnets/web"}}
        body = {"properties": {"ipConfigurations": [{"name": "one", "id": "one", "properties": subnet}]}}
        nic = f"{NETWORK}/networkInterfaces/nic{number}"
        store.put(Document(nic, "Microsoft.Network/networkInterfaces", f"nic{number}", body))
    assert len(index.to(f"{NETWORK}/virtualNetworks/v1/subnets/web")) == 1
    for number in range(3):
        store.delete(f"{NETWORK}/networkInterfaces/nic{number}")
    assert index._uses == {}
