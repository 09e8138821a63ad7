"""Cmdlets for files and for the certificate stores, both of which are drives."""

from __future__ import annotations

from typing import Any

from wizard.sandbox.fabric.windows import certificate
from wizard.sandbox.fabric.windows.powershell.interpreter import Call, cmdlet
from wizard.sandbox.fabric.windows.powershell.values import PsError, Thing, listed, text


@cmdlet(
    "Set-Content",
    "Out-File",
    takes="path literalpath filepath value inputobject encoding",
    switches="force nonewline",
)
async def set_content(call: Call) -> None:
    _write(call, _path(call), _content(call))


@cmdlet("Add-Content", takes="path literalpath value encoding", switches="force nonewline")
async def add_content(call: Call) -> None:
    path = _path(call)
    before = call.machine.disk.read(path) if call.machine.disk.exists(path) else ""
    _write(call, path, before + _content(call))


def _path(call: Call) -> str:
    return call.need("path", "literalpath", "filepath", place=0)


def _content(call: Call) -> str:
    given = call.get("value", "inputobject", place=1)
    lines = [text(one) for one in (listed(given) if given is not None else call.piped)]
    return "\r\n".join(lines) + ("" if call.switch("nonewline") else "\r\n")


def _write(call: Call, path: str, content: str) -> None:
    try:
        call.machine.disk.write(path, content)
    except OSError as problem:
        raise PsError(str(problem)) from None


@cmdlet("Get-Content", "type", "cat", takes="path literalpath encoding totalcount", switches="raw")
async def get_content(call: Call) -> list[str]:
    try:
        content = call.machine.disk.read(call.need("path", "literalpath", place=0))
    except OSError as problem:
        raise PsError(str(problem)) from None
    return [content] if call.switch("raw") else content.splitlines()


@cmdlet("New-Item", "md", "mkdir", takes="path name itemtype value", switches="force")
async def new_item(call: Call) -> Thing:
    disk, path = call.machine.disk, call.need("path", "name", place=0)
    folder = text(call.get("itemtype")).lower() == "directory" or call.name.lower() in ("md", "mkdir")
    try:
        if disk.exists(path) and not call.switch("force"):
            raise PsError(f"An item with the specified name {path} already exists.")
        if folder:
            disk.make_folder(path)
        elif not disk.exists(path) or call.get("value") is not None:
            disk.write(path, text(call.get("value")))
    except OSError as problem:
        raise PsError(str(problem)) from None
    node = disk.node(path)
    assert node is not None, "just made"
    return _item(node)


@cmdlet("Remove-Item", "del", "rm", "rd", takes="path literalpath", switches="force recurse")
async def remove_item(call: Call) -> None:
    try:
        for path in listed(call.get("path", "literalpath", place=0)):
            call.machine.disk.remove(text(path))
    except OSError as problem:
        raise PsError(str(problem)) from None


@cmdlet("Test-Path", takes="path literalpath pathtype")
async def test_path(call: Call) -> bool:
    try:
        return call.machine.disk.exists(call.need("path", "literalpath", place=0))
    except OSError:
        return False


@cmdlet("Get-ChildItem", "dir", "ls", "gci", takes="path literalpath", switches="recurse force file directory name")
async def get_child_item(call: Call) -> list[Any]:
    found: list[Any] = []
    for path in listed(call.get("path", "literalpath", place=0)) or ["."]:
        if text(path).lower().startswith("cert:"):
            found += _certificates(call, text(path))
        else:
            found += _children(call, text(path))
    return found


def _children(call: Call, path: str) -> list[Thing]:
    disk = call.machine.disk
    try:
        node = disk.node(path)
        if node is None:
            raise PsError(f"Cannot find path '{path}' because it does not exist.")
        nodes = disk.children(path) if node["content"] is None else [node]
        if call.switch("recurse"):
            for one in list(nodes):
                nodes += [inner for inner in _below(call, one) if inner is not one]
    except OSError as problem:
        raise PsError(str(problem)) from None
    return [_item(one) for one in nodes]


def _below(call: Call, node: dict[str, Any]) -> list[dict[str, Any]]:
    if node["content"] is not None:
        return [node]
    return [node, *(one for child in call.machine.disk.children(node["path"]) for one in _below(call, child))]


def _item(node: dict[str, Any]) -> Thing:
    name, folder = str(node["path"]).rpartition("\\")[2], node["content"] is None
    facts = {
        "Mode": "d-----" if folder else "-a----",
        "Length": None if folder else len(node["content"]),
        "Name": name,
        "FullName": node["path"],
        "ToString": node["path"],
    }
    return Thing("FileInfo", facts, ("Mode", "Length", "Name"))


def _certificates(call: Call, path: str) -> list[Thing]:
    r"""`Cert:\LocalMachine` and what is below it: only Remote Desktop's own store holds one."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    parts = [part for part in path[5:].replace("/", "\\").lower().split("\\") if part]
    if parts[:1] != ["localmachine"]:
        return []
    inside = parts[1:] == ["remote desktop"] or (call.switch("recurse") and len(parts) == 1)
    kept = call.machine.guest.certificate
    if not inside or kept is None:
        return []
    der = certificate.der(kept)
    found = x509.load_der_x509_certificate(der)
    thumbprint = found.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303 - Windows names certificates by it
    facts = {
        "Thumbprint": thumbprint,
        "Subject": found.subject.rfc4514_string(),
        "RawData": der,
        "NotAfter": found.not_valid_after_utc,
        "PSParentPath": r"Cert:\LocalMachine\Remote Desktop",
    }
    return [Thing("X509Certificate2", facts, ("Thumbprint", "Subject"))]
