"""ARM's own limits, at a speed at which they can be met."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from wizard.sandbox.arm import throttle
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.arm.kind import Call

GROUP = "/subscriptions/s/resourceGroups/g/providers"
VM = "Microsoft.Compute/virtualMachines"


def call(method: str, speed: float = 1.0, path: str = "/", operations: dict[str, str] | None = None) -> Call:
    """`operations` are ids with what they work on."""
    known = {key: SimpleNamespace(target=target) for key, target in (operations or {}).items()}
    world: Any = SimpleNamespace(speed=speed, subscription="s", operations=SimpleNamespace(find=known.get))
    return Call(world, method, path, "", "", "", ())


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def refused(limits: throttle.Throttle, wanted: Call, principal: str = "") -> ArmError:
    with pytest.raises(ArmError) as caught:
        limits.take(wanted, principal)
    assert caught.value.status == 429
    return caught.value


@pytest.mark.parametrize(("speed", "wait", "header"), [(1.0, "100", None), (0.1, "1000", "1")])
def test_writes_are_limited_and_the_wait_is_told(
    monkeypatch: pytest.MonkeyPatch, speed: float, wait: str, header: str | None
) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    limits = throttle.Throttle()
    left = [limits.take(call("PUT", speed))["x-ms-ratelimit-remaining-subscription-writes"] for _ in range(200)]
    assert (left[0], left[-1]) == ("199", "0")
    with pytest.raises(ArmError) as caught:
        limits.take(call("PUT", speed))
    assert (caught.value.status, caught.value.code) == (429, "SubscriptionRequestsThrottled")
    assert (caught.value.headers["retry-after-ms"], caught.value.headers.get("Retry-After")) == (wait, header)
    limits.take(call("GET", speed))
    limits.take(call("DELETE", speed))
    now += float(wait) / 1000 + 0.001
    limits.take(call("PUT", speed))


def test_each_principal_has_its_own_and_all_have_fifteen_times_that(clock: Clock) -> None:
    limits = throttle.Throttle()
    for principal in range(15):
        for _ in range(200):
            told = limits.take(call("PUT"), str(principal))
        assert told["x-ms-ratelimit-remaining-subscription-writes"] == "0"
        assert told["x-ms-ratelimit-remaining-subscription-global-writes"] == str(3000 - 200 * (principal + 1))
    assert refused(limits, call("PUT"), "another").code == "SubscriptionRequestsThrottled"
    limits.take(call("GET"), "another")


def test_the_network_provider_counts_in_windows_of_five_minutes(clock: Clock) -> None:
    limits = throttle.Throttle()
    path = f"{GROUP}/Microsoft.Network/networkInterfaces/a"
    for number in range(1000):
        clock.now += 0.1  # what ARM's own limit lets pass
        limits.take(call("PUT" if number % 2 else "DELETE", path=path))
    error = refused(limits, call("PUT", path=path))
    assert error.code == "TooManyRequests"
    assert 299 - 100 <= int(error.headers["Retry-After"]) <= 301 - 100
    limits.take(call("GET", path=path))
    limits.take(call("PUT", path=f"{GROUP}/{VM}/a"))
    clock.now += 200.5
    limits.take(call("PUT", path=path))


def test_a_machines_writes_are_twelve_and_then_four_a_minute(clock: Clock) -> None:
    limits = throttle.Throttle()
    path = f"{GROUP}/{VM}/web1"
    left = [limits.take(call("PUT", path=path))["x-ms-ratelimit-remaining-resource"] for _ in range(12)]
    assert left[0] == "Microsoft.Compute/UpdateVMResource;11,Microsoft.Compute/UpdateVMSubscriptionMaximum;1499"
    error = refused(limits, call("PATCH", path=path.upper()))
    assert (error.code, error.details[0]["code"]) == ("OperationNotAllowed", "TooManyRequests")
    assert error.headers["Retry-After"] == "15"
    limits.take(call("PUT", path=f"{GROUP}/{VM}/web2"))
    limits.take(call("DELETE", path=path))
    limits.take(call("PUT", path=f"{path}/extensions/a"))
    clock.now += 15
    limits.take(call("PUT", path=path))
    refused(limits, call("PUT", path=path))


@pytest.mark.parametrize("speed", [1.0, 20.0])
def test_a_machines_operation_may_be_asked_for_every_four_seconds(clock: Clock, speed: float) -> None:
    limits = throttle.Throttle()
    operations = {
        "1": f"{GROUP}/{VM}/web1",
        "2": f"{GROUP}/{VM}/web1/extensions/a",
        "3": f"{GROUP}/Microsoft.Compute/disks/a",
    }
    path = "/subscriptions/s/providers/Microsoft.Compute/locations/westeurope/operations/"

    def ask(id: str) -> dict[str, str]:
        return limits.take(call("GET", speed, path + id, operations))

    for number in range(45):
        told = ask("1" if number % 2 else "2")  # an extension's operation is its machine's
    assert told["x-ms-ratelimit-remaining-resource"].startswith("Microsoft.Compute/GetOperationResource;0,")
    error = refused(limits, call("GET", speed, path + "1", operations))
    assert error.headers["retry-after-ms"] == str(int(4000 / speed))
    assert "x-ms-ratelimit-remaining-resource" not in ask("3")
    for _ in range(100):  # whoever asks every four seconds is never refused
        clock.now += 4 / speed
        ask("1")
