"""A desk as the wizard has it, in an environment where nobody is signed in and nobody has keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from screens.desk import Desk

SIGN_IN_VARIABLES = (
    "AZURE_CLIENT_ID",
    "AZURE_TENANT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_CLIENT_CERTIFICATE_PATH",
    "AZURE_SUBSCRIPTION_ID",
    "AZURE_AUTHORITY_HOST",
    "BROWSER",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "WSL_DISTRO_NAME",
)


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The machine's own sign-ins, keys and screen must not decide a test; returns the person's home folder."""
    for name in SIGN_IN_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    person = tmp_path / "person"
    person.mkdir()
    monkeypatch.setenv("HOME", str(person))
    monkeypatch.setenv("AZURE_CONFIG_DIR", str(person / ".azure"))
    return person


@pytest.fixture
async def desk(nobody: Path) -> AsyncIterator[Desk]:
    """A desk; with the fixture `sandbox` before it in a test, it finds that one."""
    made = Desk()
    try:
        yield made
    finally:
        await made.close()


@pytest.fixture
def own_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A state folder for one test, in which no sandbox runs."""
    folder = tmp_path / "state"
    monkeypatch.setenv("MULTIVM_HOME", str(folder))
    return folder


def plan_values(name: str, **machines: Any) -> dict[str, Any]:
    """A small plan for the sandbox, signed in to with a password."""
    return {
        "name": name,
        "machines": {"count": 2, "auth": "password", **machines},
        "network": {"allow_admin": ["127.0.0.1/32"]},
        "balancer.frontend_port": 8080,
    }
