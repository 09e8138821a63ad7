"""The blob service: what an account's blob endpoint answers to who reads. It speaks XML, and takes tokens for storage.

Azure gives each account a host name; here an account is a path at ARM's address, as other emulators have it too, and
storage clients take either. Shared keys there are none, so a bearer token is the only permission.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from wizard.sandbox.arm.kind import Call, Reply
from wizard.sandbox.arm.storage.accounts import ACCOUNT

if TYPE_CHECKING:
    from wizard.sandbox.blobs import Blob
    from wizard.sandbox.world import World

FIRST = "blob"
"""The first segment of a path that is the blob service's."""
AUDIENCE = "https://storage.azure.com"
VERSION = "2024-11-04"
MOST_LISTED = 5000
_XML = '<?xml version="1.0" encoding="utf-8"?>'


def endpoint(world: World, account: str) -> str:
    """An account's blob endpoint."""
    return f"{world.arm_url}/{FIRST}/{account}/"


def is_ours(segments: tuple[str, ...]) -> bool:
    return len(segments) > 1 and segments[0] == FIRST


def refusal(status: int, code: str, message: str) -> Reply:
    """Storage's form of an error."""
    text = f"{_XML}<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    return Reply(status, text, {"Content-Type": "application/xml", "x-ms-error-code": code, **_headers()})


def answer(call: Call, segments: tuple[str, ...]) -> Reply:
    """GET and HEAD below an account. `segments` begin with FIRST; who asks has shown a token."""
    call.type = "Microsoft.Storage/storageAccounts/blobServices"
    account, rest = segments[1], segments[2:]
    if not any(one.name.lower() == account.lower() for one in call.world.store.of_type(ACCOUNT)):
        return refusal(404, "ResourceNotFound", "The specified resource does not exist.")
    if call.method not in ("GET", "HEAD"):
        return refusal(405, "UnsupportedHttpVerb", "The resource doesn't support the specified HTTP verb.")
    listing = call.query.get("comp") == "list"
    if not rest:
        return _containers(call, account) if listing else refusal(400, "InvalidQueryParameterValue", "comp is missing.")
    container, name = rest[0], "/".join(rest[1:])
    if container not in call.world.blobs.containers(account):
        return refusal(404, "ContainerNotFound", "The specified container does not exist.")
    if not name:
        return _blobs(call, account, container) if listing else Reply(200, "", _headers())
    blob = call.world.blobs.find(account, container, name)
    if blob is None:
        return refusal(404, "BlobNotFound", "The specified blob does not exist.")
    return _content(call, blob)


def _containers(call: Call, account: str) -> Reply:
    prefix = call.query.get("prefix", "")
    items = "".join(
        f"<Container><Name>{escape(name)}</Name><Properties><Last-Modified>Thu, 01 Jan 2026 00:00:00 GMT"
        f'</Last-Modified><Etag>"0x1"</Etag></Properties></Container>'
        for name in call.world.blobs.containers(account)
        if name.startswith(prefix)
    )
    where = escape(endpoint(call.world, account))
    return _xml(
        f'<EnumerationResults ServiceEndpoint="{where}"><Containers>{items}</Containers><NextMarker/>'
        "</EnumerationResults>"
    )


def _blobs(call: Call, account: str, container: str) -> Reply:
    """A page of a container's blobs; with a delimiter, what shares a beginning is told as one."""
    prefix, delimiter = call.query.get("prefix", ""), call.query.get("delimiter", "")
    given = call.query.get("maxresults", "")
    most = min(int(given), MOST_LISTED) if given.isdecimal() and int(given) else MOST_LISTED
    names: list[tuple[str, str]] = []
    for name, item in _items(call.world.blobs.all(account, container, prefix), prefix, delimiter):
        if name > call.query.get("marker", "") and (not names or names[-1][0] != name):
            names.append((name, item))
    following = escape(names[most - 1][0]) if len(names) > most else ""
    where = escape(endpoint(call.world, account))
    return _xml(
        f'<EnumerationResults ServiceEndpoint="{where}" ContainerName="{escape(container)}">'
        f"<Prefix>{escape(prefix)}</Prefix><Blobs>{''.join(item for _, item in names[:most])}</Blobs>"
        f"<NextMarker>{following}</NextMarker></EnumerationResults>"
    )


def _items(blobs: Iterator[Blob], prefix: str, delimiter: str) -> Iterator[tuple[str, str]]:
    for blob in blobs:
        head, cut, _ = blob.name[len(prefix) :].partition(delimiter) if delimiter else (blob.name, "", "")
        if cut:
            begins = f"{prefix}{head}{cut}"
            yield begins, f"<BlobPrefix><Name>{escape(begins)}</Name></BlobPrefix>"
            continue
        yield (
            blob.name,
            f"<Blob><Name>{escape(blob.name)}</Name><Properties><Last-Modified>{_http_date(blob)}</Last-Modified>"
            f"<Etag>{escape(blob.etag)}</Etag><Content-Length>{blob.size}</Content-Length>"
            "<Content-Type>application/octet-stream</Content-Type><BlobType>AppendBlob</BlobType>"
            "<LeaseStatus>unlocked</LeaseStatus><LeaseState>available</LeaseState></Properties></Blob>",
        )


def _content(call: Call, blob: Blob) -> Reply:
    """The blob, or the range of it that a client asks for: the SDKs always ask for one."""
    headers = {
        "Content-Type": "application/octet-stream",
        "ETag": blob.etag,
        "Last-Modified": _http_date(blob),
        "Accept-Ranges": "bytes",
        "x-ms-blob-type": "AppendBlob",
        **_headers(),
    }
    if call.method == "HEAD":
        return Reply(200, None, {**headers, "Content-Length": str(blob.size)})
    content = blob.path.read_bytes()
    asked = re.fullmatch(r"bytes=(\d+)-(\d*)", call.headers.get("x-ms-range") or call.headers.get("range") or "")
    if not asked:
        return Reply(200, content, headers)
    first = int(asked[1])
    last = min(int(asked[2]) if asked[2] else len(content), len(content) - 1)
    if first > last:
        return refusal(416, "InvalidRange", "The range specified is invalid for the current size of the resource.")
    return Reply(206, content[first : last + 1], {**headers, "Content-Range": f"bytes {first}-{last}/{len(content)}"})


def _xml(text: str) -> Reply:
    return Reply(200, _XML + text, {"Content-Type": "application/xml", **_headers()})


def _headers() -> dict[str, str]:
    return {"x-ms-version": VERSION, "x-ms-request-id": str(uuid.uuid4())}


def _http_date(blob: Blob) -> str:
    return f"{blob.changed:%a, %d %b %Y %H:%M:%S GMT}"
