"""ARM's own limits, at a speed at which they can be met."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from wizard.sandbox.arm import throttle
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.arm.kind import Call


def call(method: str, speed: float) -> Call:
    world: Any = SimpleNamespace(speed=speed, subscription="s")
    return Call(world, method, "/", "", "", "", ())


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
