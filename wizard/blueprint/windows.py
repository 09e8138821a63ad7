"""A Windows machine's part of the blueprint: its configuration, and the extension that makes it serve the page."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from wizard.blueprint import names
from wizard.blueprint.names import Ids
from wizard.blueprint.resource import Resource
from wizard.plan.choices import Image
from wizard.plan.model import Plan

LONGEST_COMMAND = 8191
"""Characters of a command line that cmd.exe takes (Microsoft, "Command prompt line string limitation")."""

HTTP_PORT = 80
"""What installing IIS opens in Windows Firewall by itself."""


def configuration(image: Image) -> dict[str, Any]:
    """`windowsConfiguration`: the agent, and patches that Azure installs, one update domain after the other."""
    mode = "AutomaticByPlatform" if image.guest_patching else "AutomaticByOS"
    assessment = "AutomaticByPlatform" if image.guest_patching else "ImageDefault"
    return {
        "provisionVMAgent": True,
        "enableAutomaticUpdates": True,
        "patchSettings": {"patchMode": mode, "assessmentMode": assessment},
    }


def page(plan: Plan, ids: Ids, vm: str, common: Mapping[str, Any]) -> Resource:
    """The extension that installs IIS and writes the page."""
    properties = page_properties(plan)
    name = names.page_extension(vm)
    return Resource(
        ids.extension(vm, name), names.EXTENSION, name, {**common, "properties": properties}, after=(ids.vm(vm),)
    )


def page_properties(plan: Plan) -> dict[str, Any]:
    """The extension's `properties`, on one machine or in a scale set's profile."""
    return {
        "publisher": "Microsoft.Compute",
        "type": "CustomScriptExtension",
        "typeHandlerVersion": "1.10",
        "autoUpgradeMinorVersion": True,
        "settings": {"commandToExecute": command_line(page_script(plan))},
    }


def page_script(plan: Plan) -> str:
    """The PowerShell that a machine runs: assets/windows/page.ps1 with the plan's probe path and port."""
    template = files("assets").joinpath("windows", "page.ps1").read_text(encoding="utf-8")
    filled = template.replace("@PROBE@\n", _probe(plan.balancer.probe_path))
    return filled.replace("@PORT@\n", _port(plan.balancer.backend_port))


def command_line(script: str) -> str:
    """What cmd.exe runs: PowerShell with the script in UTF-16, base64, so that nothing in it needs quoting."""
    lines = (line.strip() for line in script.splitlines())
    short = "\n".join(line for line in lines if line and not line.startswith("#"))
    encoded = base64.b64encode(short.encode("utf-16-le")).decode()
    line = f"powershell -NoProfile -NonInteractive -EncodedCommand {encoded}"
    if len(line) > LONGEST_COMMAND:
        raise ValueError(f"the script makes a command line of {len(line)} characters")
    return line


def _probe(path: str) -> str:
    """A file of its own for a probe path other than the page's."""
    parts = [part for part in path.partition("?")[0].split("/") if part]
    if not parts:
        return ""
    folder = "\\".join(["$root", *(parts if path.partition("?")[0].endswith("/") else parts[:-1])])
    file = "index.html" if path.partition("?")[0].endswith("/") else parts[-1]
    lines = [] if folder == "$root" else [f'New-Item -ItemType Directory -Force -Path "{folder}" | Out-Null']
    if file.lower() != "index.html" or folder != "$root":  # that is the page itself, in whatever case
        lines.append(f"Set-Content -Path \"{folder}\\{file}\" -Value 'ok'")
    return "".join(f"{line}\n" for line in lines)


def _port(port: int) -> str:
    """The site's port, and the firewall's: installing IIS opens 80 alone."""
    if port == HTTP_PORT:
        return ""
    return (
        "Import-Module WebAdministration\n"
        "Set-WebBinding -Name 'Default Web Site' -BindingInformation '*:80:' -PropertyName Port "
        f"-Value {port}\n"
        "New-NetFirewallRule -Name multivm-page -DisplayName 'The page behind the load balancer' "
        f"-Direction Inbound -Protocol TCP -LocalPort {port} -Action Allow | Out-Null\n"
    )
