"""Cmdlets for IIS and for Windows Firewall."""

from __future__ import annotations

from wizard.sandbox.fabric.windows import iis
from wizard.sandbox.fabric.windows.machine import WEB, ServiceError
from wizard.sandbox.fabric.windows.powershell.interpreter import Call, cmdlet
from wizard.sandbox.fabric.windows.powershell.syntax import NotUnderstood
from wizard.sandbox.fabric.windows.powershell.values import PsError, Thing, listed, text

_SITE = "Default Web Site"
_MODULES = frozenset(("webadministration", "netsecurity", "servermanager", "iisadministration"))


@cmdlet("Import-Module", takes="name", switches="force")
async def import_module(call: Call) -> None:
    for name in listed(call.get("name", place=0)):
        installed = "Web-Server" in call.machine.guest.record["features"]
        if text(name).lower() not in _MODULES or (text(name).lower() == "webadministration" and not installed):
            raise PsError(
                f"The specified module '{text(name)}' was not loaded because no valid module file was found in any "
                "module directory."
            )


def _need_iis(call: Call) -> None:
    if "Web-Server" not in call.machine.guest.record["features"]:
        raise PsError(f"The term '{call.name}' is not recognized as the name of a cmdlet: IIS is not installed.")


@cmdlet("Get-WebBinding", takes="name port protocol")
async def get_web_binding(call: Call) -> list[Thing]:
    _need_iis(call)
    return [
        Thing("binding", {"protocol": "http", "bindingInformation": f"*:{port}:"})
        for port in call.machine.guest.record["bindings"]
    ]


@cmdlet("Set-WebBinding", takes="name bindinginformation propertyname value port protocol")
async def set_web_binding(call: Call) -> None:
    """Of what it can, the port alone."""
    _need_iis(call)
    name, given = call.need("name", place=0), text(call.get("bindinginformation"))
    old = call.get("port") if not given else given.split(":")[1]
    if name.lower() != _SITE.lower() or text(call.get("propertyname")).lower() != "port" or old is None:
        raise NotUnderstood("Set-WebBinding changes the port of the default web site, and nothing else here")
    bindings = call.machine.guest.record["bindings"]
    if int(text(old)) not in bindings:
        raise PsError(f"Binding '*:{text(old)}:' does not exist.")
    new = int(call.need("value"))
    if not 1 <= new <= 65535:
        raise PsError(f"{new} is not a port.")
    call.machine.guest.record["bindings"] = [new if port == int(text(old)) else port for port in bindings]
    call.machine.guest.save()
    _again(call)


@cmdlet("Get-Website", takes="name")
async def get_website(call: Call) -> Thing:
    _need_iis(call)
    state = "Started" if call.machine.active(WEB) else "Stopped"
    return Thing("site", {"Name": _SITE, "ID": 1, "State": state, "Physical Path": iis.ROOT})


@cmdlet("iisreset")
async def iisreset(call: Call) -> str:
    _need_iis(call)
    _again(call)
    return "Attempting stop...\nInternet services successfully stopped\nAttempting start...\nInternet services successfully restarted"  # noqa: E501


def _again(call: Call) -> None:
    try:
        if call.machine.active(WEB):
            call.machine.start_service(WEB)
    except ServiceError as problem:
        raise PsError(str(problem)) from None


@cmdlet("New-NetFirewallRule", takes="displayname name direction protocol localport action profile enabled group")
async def new_firewall_rule(call: Call) -> Thing:
    """Of what it can, letting one TCP port in."""
    given = {name: text(call.get(name)).lower() for name in ("direction", "protocol", "action")}
    port = text(call.get("localport"))
    if given != {"direction": "inbound", "protocol": "tcp", "action": "allow"} or not port.isdigit():
        raise NotUnderstood("New-NetFirewallRule lets one TCP port in, and nothing else here")
    shown = call.need("displayname")
    name = text(call.get("name")) or f"rule-{port}"
    call.machine.guest.allow(name, shown, int(port))
    return Thing("NetFirewallRule", {"Name": name, "DisplayName": shown, "Enabled": "True"})


@cmdlet("Get-NetFirewallRule", takes="displayname name")
async def get_firewall_rule(call: Call) -> list[Thing]:
    wanted = {text(one).lower() for one in listed(call.get("name", "displayname"))}
    return [
        Thing("NetFirewallRule", {"Name": rule["name"], "DisplayName": rule["shown"], "LocalPort": rule["port"]})
        for rule in call.machine.guest.record["firewall"]
        if not wanted or {rule["name"].lower(), rule["shown"].lower()} & wanted
    ]


@cmdlet("Remove-NetFirewallRule", takes="displayname name")
async def remove_firewall_rule(call: Call) -> None:
    wanted = {text(one).lower() for one in listed(call.get("name", "displayname"))}
    guest = call.machine.guest
    kept = [rule for rule in guest.record["firewall"] if not {rule["name"].lower(), rule["shown"].lower()} & wanted]
    if len(kept) == len(guest.record["firewall"]):
        raise PsError("No matching firewall rules were found.")
    guest.record["firewall"] = kept
    guest.save()
