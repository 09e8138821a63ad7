"""Boot diagnostics: the serial log and a screenshot behind signed URLs, as Azure's managed storage gives them.

Who has the URL may read the blob until it expires: no bearer token is asked for. The key lives as long as the process,
so nothing that signs is ever stored.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import re
import secrets
import struct
import uuid
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from wizard.sandbox.arm.compute.reading import bad, invalid, not_allowed
from wizard.sandbox.arm.kind import Call, Kind, Provider, Reply, action, route
from wizard.sandbox.store import Document

if TYPE_CHECKING:
    from wizard.sandbox.world import World

_KEY = secrets.token_bytes(32)
DEFAULT_MINUTES, MOST_MINUTES = 120, 1440
LOG, SCREENSHOT = "serialconsole.log", "screenshot.bmp"
_STORAGE_VERSION = "2018-03-28"


class BootDiagnostics(Kind):
    """The action of a virtual machine that gives the URLs."""

    @action("retrieveBootDiagnosticsData")
    async def retrieve_boot_diagnostics(self, call: Call, document: Document) -> Reply:
        diagnostics = (document.body["properties"].get("diagnosticsProfile") or {}).get("bootDiagnostics") or {}
        if not diagnostics.get("enabled"):
            # Code and wording from memory.
            raise not_allowed(f"Boot diagnostics is not enabled for VM '{document.name}'.")
        if diagnostics.get("storageUri"):
            raise bad("This operation is supported for boot diagnostics on managed storage only.")
        minutes = _minutes(call.query.get("sasuriexpirationtimeinminutes", ""))
        return Reply(
            200,
            {
                "consoleScreenshotBlobUri": _url(self.world, document, SCREENSHOT, minutes),
                "serialConsoleLogBlobUri": _url(self.world, document, LOG, minutes),
            },
        )


def _minutes(given: str) -> int:
    if not given:
        return DEFAULT_MINUTES
    if not given.isdecimal() or not 1 <= int(given) <= MOST_MINUTES:
        raise invalid(
            f"The value of parameter sasUriExpirationTimeInMinutes must be between 1 and {MOST_MINUTES}.",
            "sasUriExpirationTimeInMinutes",
        )
    return int(given)


def _url(world: World, document: Document, what: str, minutes: int) -> str:
    machine = document.body["properties"]["vmId"]
    short = re.sub("[^a-z0-9]", "", document.name.lower())[:9] or "vm"
    container, blob = f"bootdiagnostics-{short}-{machine}", f"{document.name}.{machine}.{what}"
    expiry = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=minutes)
    query = {"sv": _STORAGE_VERSION, "sr": "b", "se": f"{expiry:%Y-%m-%dT%H:%M:%SZ}", "sp": "r"}
    query["sig"] = _signature(container, blob, query["se"])
    return f"{world.arm_url}/bootdiagnostics/{quote(container)}/{quote(blob)}?{urlencode(query)}"


def _signature(container: str, blob: str, expiry: str) -> str:
    signed = "\n".join((container, blob, expiry, "r")).encode()
    return base64.b64encode(hmac.new(_KEY, signed, hashlib.sha256).digest()).decode()


class SignedBlobs(Provider):
    """What the signed URLs answer. The server asks for no token here: the signature is the permission."""

    namespace = ""

    @route("GET", "bootdiagnostics/{container}/{blob}")
    async def get(self, call: Call, request: object, container: str, blob: str) -> Reply:
        return self._blob(call, container, blob)

    @route("HEAD", "bootdiagnostics/{container}/{blob}")
    async def head(self, call: Call, request: object, container: str, blob: str) -> Reply:
        return self._blob(call, container, blob)

    def _blob(self, call: Call, container: str, blob: str) -> Reply:
        expiry, given = call.query.get("se", ""), call.query.get("sig", "")
        genuine = hmac.compare_digest(_signature(container, blob, expiry).encode(), given.encode())
        if not genuine or expiry < f"{datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H:%M:%SZ}":
            return _storage_error(403, "AuthenticationFailed", "Server failed to authenticate the request.")
        found = next(
            (vm for vm in self._machines() if blob.startswith(f"{vm.name}.{vm.body['properties']['vmId']}.")), None
        )
        if found is None:
            return _storage_error(404, "BlobNotFound", "The specified blob does not exist.")
        if blob.endswith(SCREENSHOT):
            return _content(call, _black_screen(), "image/bmp", "BlockBlob")
        return _content(call, self.world.fabric.serial_log(found.id), "text/plain", "AppendBlob")

    def _machines(self) -> list[Document]:
        return self.world.store.of_type("Microsoft.Compute/virtualMachines")


def _content(call: Call, content: bytes, type: str, blob_type: str) -> Reply:
    """The blob, or the range of it that a storage client asks for: the SDKs always ask for one."""
    headers = {
        "Content-Type": type,
        "ETag": f'"0x{hashlib.sha256(content).hexdigest()[:15].upper()}"',
        "Last-Modified": f"{datetime.datetime.now(datetime.UTC):%a, %d %b %Y %H:%M:%S GMT}",
        "Accept-Ranges": "bytes",
        "x-ms-blob-type": blob_type,
        "x-ms-version": _STORAGE_VERSION,
    }
    asked = re.fullmatch(r"bytes=(\d+)-(\d*)", call.headers.get("x-ms-range") or call.headers.get("range") or "")
    if not asked:
        return Reply(200, content, headers)
    first = int(asked[1])
    last = min(int(asked[2]) if asked[2] else len(content), len(content) - 1)
    if first > last:
        return _storage_error(
            416, "InvalidRange", "The range specified is invalid for the current size of the resource."
        )
    headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
    return Reply(206, content[first : last + 1], headers)


def _storage_error(status: int, code: str, message: str) -> Reply:
    """Storage speaks XML."""
    text = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
    headers = {"Content-Type": "application/xml", "x-ms-error-code": code, "x-ms-request-id": str(uuid.uuid4())}
    return Reply(status, text, headers)


def _black_screen(width: int = 64, height: int = 40) -> bytes:
    """A bitmap of one bit a pixel, all black: a text console that nobody looks at."""
    row = (width + 31) // 32 * 4
    header = struct.pack("<2sIHHI", b"BM", 62 + row * height, 0, 0, 62)
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 1, 0, row * height, 2835, 2835, 2, 0)
    return header + info + bytes((0, 0, 0, 0, 255, 255, 255, 0)) + bytes(row * height)
