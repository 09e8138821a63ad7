"""The Azure CLI pointed at the sandbox, in a configuration folder of its own: the user's own sign-in is not touched."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

CLOUD = "MultivmSandbox"


def script(state: Mapping[str, object]) -> str:
    """A POSIX shell script to `eval` or to source. It holds no secret: az reads it from its file (`@FILE`)."""
    secret = Path(str(state["client_secret_file"]))
    arm = str(state["arm"])
    exports = {
        "AZURE_CONFIG_DIR": str(secret.parent / "az"),
        "REQUESTS_CA_BUNDLE": str(state["ca_bundle"]),
        "AZURE_CORE_INSTANCE_DISCOVERY": "false",
        "AZURE_CORE_COLLECT_TELEMETRY": "false",
        "AZURE_CORE_LOGIN_EXPERIENCE_V2": "false",
    }
    endpoints = {
        "--endpoint-resource-manager": arm,
        "--endpoint-active-directory": str(state["authority"]),
        "--endpoint-active-directory-resource-id": arm,
        "--endpoint-active-directory-graph-resource-id": arm,
        "--endpoint-management": arm,
        "--suffix-storage-endpoint": "core.windows.net",
        "--profile": "latest",
    }
    options = " ".join(f"{name} {shlex.quote(value)}" for name, value in endpoints.items())
    login = (
        f"az login --service-principal --username {state['client_id']} --password {shlex.quote(f'@{secret}')} "
        f"--tenant {state['tenant']} --output none </dev/null"
    )
    # Sourced from a pipe, az would read the rest of the caller's script: it gets nothing to read.
    lines = [
        "# Points the Azure CLI at the sandbox, in a configuration folder of its own.",
        *(f"export {name}={shlex.quote(value)}" for name, value in exports.items()),
        f"if az cloud show --name {CLOUD} --output none </dev/null 2>/dev/null; then",
        f"    az cloud update --name {CLOUD} {options} --output none </dev/null",
        "else",
        f"    az cloud register --name {CLOUD} {options} --output none </dev/null",
        "fi",
        f"az cloud set --name {CLOUD} --output none </dev/null &&",
        f"{login}",
    ]
    return "\n".join(lines)
