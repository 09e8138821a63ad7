"""What the SDKs raise, told to people: the innermost line that says something, and the remedy for its code.

A raised SDK error holds its request, and a request may hold a password: nothing of it is kept here, and what is raised
instead is raised outside of the handler, so that it does not carry the SDK's error as its context.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Awaitable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from wizard import ids
from wizard.azure import remedies
from wizard.errors import AzureError, UnreachableError, WizardError

T = TypeVar("T")

RETRYABLE_CODES = frozenset(
    {
        "AnotherOperationInProgress",
        "Conflict",  # compute's word for a concurrent request
        "RetryableError",
        "RetryableErrorDueToAnotherOperation",
        "CanceledAndSupersededDueToAnotherOperation",
        "ConcurrentUpdateError",
        "NicReservedForAnotherVm",
        "OperationLost",
        "TooManyRequests",
        "SubscriptionRequestsThrottled",
    }
)
"""Conflicts and limits that pass by themselves; the SDK retries none of them but 429."""

RETRYABLE_STATUS = frozenset({429, 500, 502, 503, 504})

_TELLS_NOTHING = frozenset(
    {
        "",
        "BadRequest",
        "Conflict",
        "DeploymentFailed",
        "Failed",
        "ResourceDeploymentFailure",
        "ResourceOperationFailure",
        "InvalidTemplateDeployment",
        "MultipleErrorsOccurred",
        "OperationFailed",
    }
)
"""Codes that only say that something inside failed."""

_TOKENS = re.compile(r"(?i)\b(sig|signature|password|secret|token)=[^&\s'\"]+|\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*")


class ArmError(AzureError):
    """An AzureError with what is needed to try again: `retry_after_s` as the answer's header told it, or None."""

    retry_after_s: float | None = None


@dataclass(frozen=True)
class _Line:
    """One level of ARM's nested error."""

    code: str
    message: str
    target: str
    info: tuple[Mapping[str, Any], ...] = ()


async def explained(call: Awaitable[T], *, id: str = "") -> T:
    """Await a call of an SDK; raises what `explain` makes of its error. `id` names the resource it is about."""
    import aiohttp
    from azure.core.exceptions import AzureError as SdkError

    try:
        return await call
    except (SdkError, aiohttp.ClientError, OSError) as raised:
        error = explain(raised, id=id)
    raise error


def explain(raised: BaseException, *, id: str = "") -> WizardError:
    """What went wrong, for people: AzureError when ARM refused or failed, UnreachableError when nobody is signed in or
    nothing answered. An error that is already a WizardError comes back as it is.

    `id` is the resource's id, where the request's address does not tell it (an operation's end).
    """
    if isinstance(raised, WizardError):
        return raised
    from azure.core.exceptions import ClientAuthenticationError, HttpResponseError

    if isinstance(raised, ClientAuthenticationError) or getattr(raised, "status_code", None) == 401:
        return _no_sign_in(raised)
    if isinstance(raised, HttpResponseError) and raised.response is not None and not _cut_off(raised):
        return _refused(raised, id)
    host = _host(raised)
    if connection_refused(raised) or certificate_failure(raised):
        return UnreachableError(
            f"{host or 'The cloud'} cannot be reached.", _clean(_connection_reason(raised)), _connection_remedy(raised)
        )
    return UnreachableError(
        f"{host or 'The cloud'} stopped answering.",
        _clean(_lost_reason(raised)),
        "Check the connection, the network and the proxy (HTTPS_PROXY), and run again; what was done is kept.",
    )


def retryable(error: BaseException) -> bool:
    """Whether the same request may succeed a little later by itself: a conflict, a limit, a passing failure."""
    explained_ = explain(error) if not isinstance(error, WizardError) else error
    if not isinstance(explained_, AzureError):
        return False
    return explained_.code in RETRYABLE_CODES or explained_.status in RETRYABLE_STATUS


def retry_after(error: BaseException) -> float | None:
    """Seconds that the answer asks to wait before the next try, or None when it does not say."""
    explained_ = explain(error) if not isinstance(error, WizardError) else error
    return explained_.retry_after_s if isinstance(explained_, ArmError) else None


def _refused(raised: Any, id: str) -> ArmError:
    body = _json(_text(raised.response))
    lines = list(_lines(body))
    line = _most_telling(lines) or _Line("", _ended_badly(body) or _unreadable(raised.response), "")
    request = raised.response.request
    status: int | None = raised.status_code
    if status is not None and status < 400:
        status = None  # the request was accepted; its operation told the failure
    subject = _subject(id or _path(request.url))
    code = line.code or (str(status) if status else "")
    what = f"Azure refused {subject}" if status else f"{subject[0].upper()}{subject[1:]} failed"
    error = ArmError(
        f"{what}: {code}." if code else f"{what}.",
        _clean(_with_policy(line)),
        remedies.for_error(line.code, line.message, line.target) or remedies.for_status(status),
        code=line.code or _outer_code(lines),
        status=status,
    )
    error.retry_after_s = retry_after_header(raised.response.headers)
    return error


def _text(response: Any) -> str:
    try:
        return str(response.text())
    except Exception:  # an answer cut off or never read has no text, and the SDKs have several errors for that
        return ""


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _ended_badly(body: Any) -> str:
    """What can be said of an operation, or a resource, whose failure comes without an error object."""
    if not isinstance(body, dict):
        return ""
    properties = body.get("properties")
    state = body.get("status") or (properties.get("provisioningState") if isinstance(properties, dict) else None)
    return f"It ended as {state}, and Azure says no more." if isinstance(state, str) else ""


def _unreadable(response: Any) -> str:
    kind = response.headers.get("Content-Type", "no content type")
    return f"The answer is not ARM's: HTTP {response.status_code} {response.reason or ''}, {kind}.".replace(" ,", ",")


def _lines(body: Any) -> Iterator[_Line]:
    """All levels of an error, outermost first. A message that is itself JSON counts as a level."""
    if not isinstance(body, dict):
        return
    error = body.get("error") if isinstance(body.get("error"), dict) else body
    if not isinstance(error, dict):
        return
    message = str(error.get("message") or "")
    nested = _json(message) if message.lstrip().startswith("{") else None
    if isinstance(nested, dict):
        message = ""
    if error.get("code") or message:
        info = tuple(entry for entry in error.get("additionalInfo") or () if isinstance(entry, dict))
        target = str(error.get("target") or "")
        yield _Line(str(error.get("code") or ""), message, target, info)
    yield from _lines(nested)
    for detail in error.get("details") or ():
        yield from _lines(detail)
    if isinstance(inner := error.get("innererror"), dict):
        yield from _lines(inner)


def _most_telling(lines: list[_Line]) -> _Line | None:
    """The innermost line with a message and a code that says what is wrong; one whose remedy we know goes first."""
    telling = [line for line in lines if line.message and line.code not in _TELLS_NOTHING]
    known = [line for line in telling if line.code in remedies.REMEDIES]
    worded = [line for line in lines if line.message]
    for choice in (known, telling, worded, lines):
        if choice:
            return choice[-1]
    return None


def _outer_code(lines: list[_Line]) -> str:
    return next((line.code for line in lines if line.code), "")


def _with_policy(line: _Line) -> str:
    """The message, with the policies that it is about by name."""
    names: list[str] = []
    for entry in line.info:
        info = entry.get("info")
        if str(entry.get("type")) == "PolicyViolation" and isinstance(info, dict):
            label = info.get("policyAssignmentDisplayName") or info.get("policyAssignmentName")
            rule = info.get("policyDefinitionDisplayName") or info.get("policyDefinitionName")
            names.append(" / ".join(str(part) for part in (label, rule) if part))
    told = [name for name in names if name and name not in line.message]
    return f"{line.message} Policy: {'; '.join(told)}." if told else line.message


def retry_after_header(headers: Mapping[str, str]) -> float | None:
    """Seconds that an answer asks to wait, or None. The finer header goes first: `Retry-After` has whole seconds."""
    for name, unit in (("retry-after-ms", 1000.0), ("x-ms-retry-after-ms", 1000.0), ("Retry-After", 1.0)):
        try:
            seconds = float(headers.get(name) or "") / unit
        except ValueError:
            continue  # absent, or a date: ARM sends seconds
        if seconds > 0:
            return seconds
    return None


def _path(url: str) -> str:
    from urllib.parse import unquote, urlsplit

    return unquote(urlsplit(url).path)


def _subject(path: str) -> str:
    """`virtualMachines ra-multi-vm1`, from an id or a request's path; `the request` when neither tells."""
    try:
        parsed = ids.parse(path)
    except ValueError:
        return "the request"
    return f"{parsed.type.rpartition('/')[2]} {parsed.name}"


def _no_sign_in(raised: Any) -> UnreachableError:
    text = _clean(str(raised.message).strip().splitlines()[0] if str(raised.message).strip() else "No token was given.")
    response = getattr(raised, "response", None)
    if response is not None and (line := _most_telling(list(_lines(_json(_text(response)))))):
        text = _clean(line.message)
    return UnreachableError(
        "Nobody is signed in, or the sign-in was refused.",
        text,
        "Sign in (az login), or check AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET.",
    )


def _host(raised: BaseException) -> str:
    """`management.azure.com:443`, where the connection's error tells it."""
    for error in _chain(raised):
        host, port = getattr(error, "host", None), getattr(error, "port", None)
        if host:
            return f"{host}:{port}" if port else str(host)
    return ""


def _chain(raised: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    error: BaseException | None = raised
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = getattr(error, "inner_exception", None) or error.__cause__


def connection_refused(raised: BaseException) -> bool:
    """Whether no connection came about: nothing was sent then."""
    import aiohttp

    kinds = (ConnectionRefusedError, aiohttp.ClientConnectorError)
    return any(isinstance(error, kinds) for error in _chain(raised))


def _cut_off(raised: Any) -> bool:
    """Whether an answer that would have been a good one could not be read to its end."""
    from azure.core.exceptions import DecodeError

    return isinstance(raised, DecodeError) and (raised.status_code is None or raised.status_code < 400)


def _lost_reason(raised: BaseException) -> str:
    """Why no whole answer came, in words."""
    import aiohttp
    from azure.core.exceptions import DecodeError

    chain = list(_chain(raised))
    for kinds, words in (
        ((TimeoutError, aiohttp.ServerTimeoutError), "It did not answer in time."),
        ((aiohttp.ClientPayloadError,), "The connection ended in the middle of an answer."),
        ((DecodeError,), "Its answers are cut off: they are not the JSON that they say they are."),
        ((ConnectionResetError, BrokenPipeError), "The connection was reset."),
        ((aiohttp.ServerDisconnectedError,), "The connection ended before an answer came."),
    ):
        if any(isinstance(error, kinds) for error in chain):
            return words
    return _connection_reason(raised)


def certificate_failure(raised: BaseException) -> bool:
    """Whether the other end is not trusted: that does not pass by itself."""
    return any("certificate" in str(error).lower() for error in _chain(raised))


def _connection_reason(raised: BaseException) -> str:
    innermost = list(_chain(raised))[-1]
    error = getattr(innermost, "os_error", None) or innermost
    if isinstance(error, ConnectionError) and error.errno:  # asyncio says "Connect call failed" for all of them
        return f"{os.strerror(error.errno)}."
    return f"{str(getattr(error, 'strerror', '') or error).rstrip('.')}."


def _connection_remedy(raised: BaseException) -> str:
    if certificate_failure(raised):
        return "Its certificate is not trusted: name its certificate authority's PEM file with SSL_CERT_FILE."
    return "Check the address, the network and the proxy (HTTPS_PROXY), then run again."


def _clean(text: str) -> str:
    """One line, without anything that signs in: shared access signatures and tokens that a service quotes."""
    without = _TOKENS.sub(lambda found: f"{found[1]}=…" if found[1] else "…", text)
    return " ".join(without.split())
