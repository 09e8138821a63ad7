"""What all tests share: a real sandbox in a state folder of its own, one for each worker, and a connection to it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from wizard.azure.clients import Azure
    from wizard.azure.clouds import Cloud

SPEED = 100.0
"""A VM's 45 s of creation take half a second."""


@pytest.fixture(scope="session")
def multivm_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A state folder for the session, named by MULTIVM_HOME as long as it lasts."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MULTIVM_HOME", str(folder))
        yield folder


@pytest.fixture(scope="session")
def sandbox(multivm_home: Path) -> Iterator[dict[str, Any]]:
    """A running sandbox's facts (`arm`, `authority`, `subscription`, `ca`, `pid`, ...); it is stopped at the end.

    Tests share it: each takes a resource group of its own (see `group_name`) and leaves nothing to the others.
    """
    from wizard.sandbox import control

    state = control.start(speed=SPEED)
    try:
        yield state
    finally:
        control.stop()
        with contextlib.suppress(ChildProcessError):  # it was started by somebody else
            os.waitpid(int(state["pid"]), 0)


@pytest.fixture
def sandbox_cloud(sandbox: dict[str, Any]) -> Cloud:
    """The sandbox as the product sees it."""
    from wizard.azure import clouds

    return clouds.find("sandbox")


@pytest.fixture
async def azure(sandbox_cloud: Cloud) -> AsyncIterator[Azure]:
    """A signed-in connection to the sandbox."""
    from wizard.azure import clients

    async with clients.connect(sandbox_cloud) as connection:
        yield connection


@pytest.fixture(scope="session")
def ssh_key() -> str:
    """The public half of a key pair, as a plan holds it; nobody has the private half."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    public = Ed25519PrivateKey.generate().public_key()
    return public.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()


@pytest.fixture
def group_name(request: pytest.FixtureRequest) -> str:
    """A resource group's name that no other test has."""
    letters = "".join(letter if letter.isalnum() else "-" for letter in request.node.name.lower())
    return f"{letters[:40].strip('-')}-{os.urandom(3).hex()}"
