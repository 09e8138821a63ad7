"""Cmdlets that work on what comes down the pipe, and that write."""

from __future__ import annotations

from typing import Any

from wizard.sandbox.fabric.windows.powershell.interpreter import Call, cmdlet
from wizard.sandbox.fabric.windows.powershell.operations import compute, property_of
from wizard.sandbox.fabric.windows.powershell.syntax import Block, NotUnderstood
from wizard.sandbox.fabric.windows.powershell.values import PsError, Thing, listed, single, text, truth


@cmdlet("Write-Output", "echo", takes="inputobject", switches="noenumerate")
async def write_output(call: Call) -> list[Any]:
    given = call.get("inputobject")
    items = [given] if given is not None else call.placed or call.piped
    return [one for item in items for one in listed(item)]


@cmdlet("Write-Host", takes="object foregroundcolor", switches="nonewline")
async def write_host(call: Call) -> list[Any]:
    given = call.get("object")
    return [" ".join(text(item) for item in ([given] if given is not None else call.placed or call.piped))]


@cmdlet("Write-Error", takes="message")
async def write_error(call: Call) -> None:
    raise PsError(call.need("message", place=0))


@cmdlet("Write-Verbose", "Write-Warning", "Write-Progress", "Write-Information", takes="message activity status")
async def write_aside(call: Call) -> None:
    """To streams that nobody reads here."""


@cmdlet("Out-Null")
async def out_null(call: Call) -> None:
    """Nothing comes out."""


@cmdlet("Where-Object", "where", "?", takes="filterscript property value eq ne like match")
async def where_object(call: Call) -> list[Any]:
    given = call.get("filterscript", place=0)
    if isinstance(given, Block):
        return [item for item in call.piped if truth(single(await call.shell.block(given, item)))]
    operator = next((name for name in ("eq", "ne", "like", "match") if name in call.named), None)
    if operator is None:
        raise NotUnderstood("Where-Object takes a block, or Property -eq Value")
    wanted = call.named[operator]
    return [
        item for item in call.piped if truth(compute(f"-{operator}", property_of(item, text(given).lower()), wanted))
    ]


@cmdlet("ForEach-Object", "foreach", "%", takes="process membername")
async def for_each_object(call: Call) -> list[Any]:
    given = call.get("process", "membername", place=0)
    if isinstance(given, Block):
        return [one for item in call.piped for one in await call.shell.block(given, item)]
    return [found for item in call.piped for found in listed(property_of(item, text(given).lower()))]


@cmdlet("Select-Object", "select", takes="property first last expandproperty", switches="unique")
async def select_object(call: Call) -> list[Any]:
    items = list(call.piped)
    if (first := call.get("first")) is not None:
        items = items[: int(first)]
    if (last := call.get("last")) is not None:
        items = items[-int(last) :]
    if (expanded := call.get("expandproperty")) is not None:
        return [one for item in items for one in listed(property_of(item, text(expanded).lower()))]
    if (wanted := call.get("property", place=0)) is not None:
        names = [text(name) for name in listed(wanted)]
        return [Thing("Selected", {name: property_of(item, name.lower()) for name in names}) for item in items]
    return items


@cmdlet("Start-Sleep", "sleep", takes="seconds milliseconds")
async def start_sleep(call: Call) -> None:
    milliseconds = call.get("milliseconds")
    seconds = float(text(milliseconds)) / 1000 if milliseconds is not None else float(call.need("seconds", place=0))
    await call.machine.pause(min(seconds, 3600.0))


@cmdlet("Get-Date", takes="format", switches="asutc")
async def get_date(call: Call) -> Any:
    from datetime import UTC, datetime

    if call.get("format") is not None:
        raise NotUnderstood("Get-Date -Format")
    return datetime.now(UTC)
