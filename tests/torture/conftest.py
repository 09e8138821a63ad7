"""A sandbox of its own for a test, a thousand times as fast as Azure."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import pytest

from wizard.sandbox import control

SPEED = 1000.0


@pytest.fixture
def fast_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MULTIVM_HOME", str(tmp_path_factory.mktemp("torture")))
        state = control.start(speed=SPEED)
        yield
        control.stop()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(int(state["pid"]), 0)
