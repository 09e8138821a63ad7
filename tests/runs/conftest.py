"""A plan for runs, and the sandbox that they find through MULTIVM_HOME."""

from __future__ import annotations

from typing import Any

import pytest

PASSWORD = "Marked-Secret-7f3a9c"


@pytest.fixture
def values(sandbox: dict[str, Any], group_name: str) -> dict[str, Any]:
    """One machine behind a balancer, signed in to with a password; a frontend port that needs no privilege."""
    return {
        "name": group_name,
        "prefix": "web",
        "machines": {"count": 2, "auth": "password"},
        "network.allow_admin": ["127.0.0.1/32"],
        "balancer": {"frontend_port": 8080},
    }
