"""What the application health extension has found of a machine, as its instance view tells it."""

from __future__ import annotations

from wizard.sandbox.store import Document, Json

_SHOWN = {
    "healthy": ("Info", "The VM is reporting itself as healthy"),
    "unhealthy": ("Error", "The VM is reporting itself as unhealthy"),
    "unknown": ("Warning", "The VM's health is not known"),
}


def view(vm: Document) -> Json | None:
    """`vmHealth` of an instance view; None for a machine whose health nobody asks."""
    state = vm.extra.get("health")
    if state not in _SHOWN:
        return None
    level, display = _SHOWN[state]
    return {"status": {"code": f"HealthState/{state}", "level": level, "displayStatus": display}}
