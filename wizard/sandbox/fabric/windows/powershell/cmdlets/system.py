"""Cmdlets and programs that tell of the machine, and its services, accounts and features."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from wizard.sandbox.fabric.windows import iis
from wizard.sandbox.fabric.windows.machine import SHOWN, WEB, ServiceError
from wizard.sandbox.fabric.windows.powershell.interpreter import Call, cmdlet
from wizard.sandbox.fabric.windows.powershell.syntax import NotUnderstood
from wizard.sandbox.fabric.windows.powershell.values import PsError, Thing, listed, text

_INSTALL_SECONDS = 60.0  # from memory: the role's files are on the disk of the image, nothing is downloaded
_FEATURES = {"web-server": ("Web-Server", "Web Server (IIS)")}


@cmdlet("hostname")
async def hostname(call: Call) -> str:
    return call.machine.guest.hostname


@cmdlet("whoami")
async def whoami(call: Call) -> str:
    return r"nt authority\system"


@cmdlet("Get-Service", takes="name displayname")
async def get_service(call: Call) -> list[Thing]:
    wanted = [text(name) for name in listed(call.get("name", place=0))]
    known = call.machine.known_services()
    for name in wanted:
        if name.lower() not in (one.lower() for one in known):
            raise PsError(f"Cannot find any service with service name '{name}'.")
    chosen = [one for one in known if not wanted or one.lower() in (name.lower() for name in wanted)]
    return [_service(call, one) for one in chosen]


def _service(call: Call, name: str) -> Thing:
    status = "Running" if call.machine.active(name) else "Stopped"
    facts = {
        "Status": status,
        "Name": name,
        "DisplayName": SHOWN[name],
        "StartType": "Automatic" if call.machine.enabled(name) else "Disabled",
    }
    return Thing("ServiceController", facts, ("Status", "Name", "DisplayName"))


def _named(call: Call) -> list[str]:
    known = {one.lower(): one for one in call.machine.known_services()}
    names = [text(name) for name in listed(call.get("name", place=0))] or [text(one.get("Name")) for one in call.piped]
    for name in names:
        if name.lower() not in known:
            raise PsError(f"Cannot find any service with service name '{name}'.")
    return [known[name.lower()] for name in names]


@cmdlet("Start-Service", takes="name")
async def start_service(call: Call) -> None:
    for name in _named(call):
        _start(call, name)


def _start(call: Call, name: str) -> None:
    if not call.machine.enabled(name):
        raise PsError(f"Service '{SHOWN[name]} ({name})' cannot be started: the service is disabled.")
    try:
        call.machine.start_service(name)
    except ServiceError as problem:
        raise PsError(f"Service '{SHOWN[name]} ({name})' cannot be started: {problem}") from None


@cmdlet("Stop-Service", takes="name", switches="force")
async def stop_service(call: Call) -> None:
    for name in _named(call):
        call.machine.stop_service(name)


@cmdlet("Restart-Service", takes="name", switches="force")
async def restart_service(call: Call) -> None:
    for name in _named(call):
        call.machine.stop_service(name)
        _start(call, name)


@cmdlet("Set-Service", takes="name startuptype")
async def set_service(call: Call) -> None:
    kind = text(call.get("startuptype")).lower()
    for name in _named(call):
        call.machine.enable(name, kind != "disabled")


@cmdlet(
    "Install-WindowsFeature",
    "Add-WindowsFeature",
    takes="name",
    switches="includemanagementtools restart includeallsubfeature",
)
async def install_feature(call: Call) -> Thing:
    guest = call.machine.guest
    fresh = False
    for given in listed(call.get("name", place=0)):
        known = _FEATURES.get(text(given).lower())
        if known is None:
            raise NotUnderstood(f"the feature {text(given)} is not one that the sandbox has")
        if known[0] in guest.record["features"]:
            continue
        await call.machine.pause(_INSTALL_SECONDS)
        fresh = True
        guest.record["features"].append(known[0])
        guest.disk.make_folder(iis.ROOT)
        guest.disk.write(rf"{iis.ROOT}\iisstart.htm", iis.WELCOME)
        guest.allow("IIS-WebServerRole-HTTP-In-TCP", "World Wide Web Services (HTTP Traffic-In)", 80)
        guest.save()
        _start(call, WEB)
    facts = {"Success": True, "Restart Needed": "No", "Exit Code": "Success" if fresh else "NoChangeNeeded"}
    return Thing("FeatureOperationResult", facts)


@cmdlet("Get-WindowsFeature", takes="name")
async def get_feature(call: Call) -> list[Thing]:
    wanted = [text(name).lower() for name in listed(call.get("name", place=0))]
    have = call.machine.guest.record["features"]
    return [
        Thing(
            "Feature",
            {
                "Display Name": shown,
                "Name": name,
                "Install State": "Installed" if name in have else "Available",
                "Installed": name in have,
            },
            ("Display Name", "Name", "Install State"),
        )
        for key, (name, shown) in _FEATURES.items()
        if not wanted or key in wanted
    ]


@cmdlet("Get-CimInstance", "Get-WmiObject", takes="classname class namespace filter")
async def get_cim_instance(call: Call) -> list[Thing]:
    name = call.need("classname", "class", place=0).lower()
    guest = call.machine.guest
    if name == "win32_operatingsystem":
        booted = datetime.fromtimestamp(float(guest.record["booted_at"]), UTC)
        facts: dict[str, Any] = {
            "Caption": f"Microsoft {guest.image.name}",
            "Version": ".".join(guest.image.version.split(".")[:3]),
            "BuildNumber": str(guest.image.build),
            "LastBootUpTime": booted,
            "CSName": guest.hostname.upper(),
        }
        return [Thing("Win32_OperatingSystem", facts, ("Caption", "Version", "CSName"))]
    if name == "win32_tsgeneralsetting":
        wanted = re.search(r"TerminalName\s*=\s*'([^']*)'", text(call.get("filter")), re.IGNORECASE)
        if guest.certificate is None or (wanted and wanted[1].lower() != "rdp-tcp"):
            return []
        return [Thing("Win32_TSGeneralSetting", {"TerminalName": "RDP-Tcp", **_desktop(call)})]
    raise NotUnderstood(f"the class {name} is not one that the sandbox has")


def _desktop(call: Call) -> dict[str, Any]:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    kept = call.machine.guest.certificate
    assert kept is not None, "asked for above"
    thumbprint = x509.load_pem_x509_certificate(kept["certificate"].encode()).fingerprint(hashes.SHA1())  # noqa: S303
    return {"UserAuthenticationRequired": 1, "SSLCertificateSHA1Hash": thumbprint.hex().upper()}


@cmdlet("Get-LocalUser", takes="name")
async def get_local_user(call: Call) -> list[Thing]:
    wanted = [text(name).lower() for name in listed(call.get("name", place=0))]
    users = call.machine.guest.accounts.users
    for name in wanted:
        if name not in users:
            raise PsError(f"User {name} was not found.")
    return [
        Thing("LocalUser", {"Name": user["name"], "Enabled": user["enabled"]})
        for key, user in sorted(users.items())
        if not wanted or key in wanted
    ]


@cmdlet("Get-LocalGroupMember", takes="group name")
async def get_group_member(call: Call) -> list[Thing]:
    group = call.need("group", "name", place=0)
    if group.lower() != "administrators":
        raise NotUnderstood(f"the group {group}")
    computer, users = call.machine.guest.hostname.upper(), call.machine.guest.accounts.users
    return [
        Thing("LocalPrincipal", {"ObjectClass": "User", "Name": f"{computer}\\{user['name']}"})
        for user in users.values()
        if user["administrator"]
    ]


@cmdlet("Enable-LocalUser", "Disable-LocalUser", takes="name")
async def switch_local_user(call: Call) -> None:
    name = call.need("name", place=0)
    user = call.machine.guest.accounts.get(name)
    if user is None:
        raise PsError(f"User {name} was not found.")
    user["enabled"] = call.name.lower() == "enable-localuser"
    call.machine.guest.save()


@cmdlet("Restart-Computer", "Stop-Computer", switches="force")
async def restart_computer(call: Call) -> None:
    call.machine.reboot_soon(power_off=call.name.lower() == "stop-computer")
