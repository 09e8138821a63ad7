"""How a request is sent until it is answered: again after a lost connection, a cut answer, a passing failure, a token
that has expired.

It takes the place of azure-core's retry policy, which neither draws its waits (many tasks meet again and again), nor
reads the answer of a long-running write before it hands it on, nor looks whether the answer is whole, and of its
sign-in policy, which gives up when a token is refused without a claims challenge.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
from azure.core.exceptions import AzureError, ClientAuthenticationError, DecodeError
from azure.core.pipeline.policies import AsyncHTTPPolicy
from azure.mgmt.core.policies import AsyncARMChallengeAuthenticationPolicy

from wizard.azure.errors import certificate_failure, connection_refused, retry_after_header
from wizard.errors import WizardError

if TYPE_CHECKING:
    from azure.core.pipeline import PipelineRequest, PipelineResponse

    from wizard.azure.pacing import Pacer
    from wizard.azure.signin import Credential

TRIES = 6
"""How often one request leaves at most. The waits between add up to about a minute on Azure."""
CONNECTS = 3
"""How often where nobody is listening: whoever is offline should read so soon."""

PASSING = frozenset({408, 429, 500, 502, 503, 504})
IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE"})
SAME_TWICE = frozenset(
    {
        *("health", "queryinboundnatruleportmapping", "retrievebootdiagnosticsdata", "checknameavailability"),
        *("runcommand", "start", "poweroff", "register"),
    }
)
"""Actions that come to the same when they are sent twice: those that only ask, as the scripts do that we run, and those
that bring about a state."""
UNDONE = frozenset({429, 503})
"""Answers that say that nothing was done: after them a POST may be sent again, too."""

LONGEST_ASKED_FLOORS = 15
"""A longer wait that ARM asks for (60 s on Azure) is not sat out in here: the engine tells it to people."""

Sleep = Callable[[float], Awaitable[None]]


class Persistent(AsyncHTTPPolicy[Any, Any]):
    """Sends again what may be sent again. `floor_s` is the cloud's poll floor, which all waits are measured in."""

    def __init__(
        self, floor_s: float, *, draw: Callable[[], float] = random.random, sleep: Sleep = asyncio.sleep
    ) -> None:
        super().__init__()
        self._floor = floor_s
        self._draw = draw
        self._sleep = sleep

    async def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        tries = 0
        method = request.http_request.method
        if method == "POST" and request.http_request.url.partition("?")[0].rpartition("/")[2].lower() in SAME_TWICE:
            method = "GET"
        for name in ("retry_total", "retry_connect", "retry_read", "retry_status"):  # azure-core's own, not in use here
            request.context.options.pop(name, None)
        while True:
            tries += 1
            lost: Exception | None = None
            response: PipelineResponse[Any, Any] | None = None
            try:
                response = await self.next.send(request)
                await _whole(response)
            except (ClientAuthenticationError, WizardError):
                raise
            except (AzureError, aiohttp.ClientError, OSError) as error:
                lost = error
            wait = self._wait_s(method, tries, response, lost)
            if wait is None:
                if lost is not None:
                    _name_host(lost, request.http_request.url)
                    raise lost
                assert response is not None
                return response
            await self._sleep(wait)

    def _wait_s(
        self, method: str, tries: int, response: PipelineResponse[Any, Any] | None, lost: Exception | None
    ) -> float | None:
        """Seconds until the next try; None when there is none."""
        drawn: float = self._draw() * self._floor / 4 * 2**tries  # full jitter
        if lost is not None:
            refused = connection_refused(lost)
            if tries >= (CONNECTS if refused else TRIES) or certificate_failure(lost):
                return None
            return drawn if method in IDEMPOTENT or refused else None
        assert response is not None
        status = response.http_response.status_code
        if status not in PASSING or tries >= TRIES or not (method in IDEMPOTENT or status in UNDONE):
            return None
        asked = retry_after_header(response.http_response.headers)
        if asked is None:
            return drawn
        return asked + drawn if asked <= LONGEST_ASKED_FLOORS * self._floor else None


class Paced(AsyncHTTPPolicy[Any, Any]):
    """Lets each try of a request leave when the cloud's limits have a token for it, and tells them the answer."""

    def __init__(self, pacer: Pacer) -> None:
        super().__init__()
        self._pacer = pacer

    async def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        method, path = request.http_request.method, urlsplit(request.http_request.url).path
        await self._pacer.admit(method, path)
        response: PipelineResponse[Any, Any] = await self.next.send(request)
        answer = response.http_response
        asked = retry_after_header(answer.headers) if answer.status_code == 429 else None
        self._pacer.heard(method, path, answer.status_code, answer.headers, asked)
        return response


class SignedIn(AsyncARMChallengeAuthenticationPolicy):
    """Brings a token; one that is refused is asked anew, once, and the request sent again."""

    def __init__(self, credential: Credential, scope: str) -> None:
        super().__init__(credential, scope)
        self._ours = credential

    async def on_request(self, request: PipelineRequest[Any]) -> None:
        """Each of the SDK's clients has a policy of its own; what one of them renewed is for all."""
        self._token = await self._ours.get_token_info(*self._scopes)
        await super().on_request(request)

    async def on_challenge(self, request: PipelineRequest[Any], response: PipelineResponse[Any, Any]) -> bool:
        if await super().on_challenge(request, response):
            return True
        refused = str(request.http_request.headers.get("Authorization", "")).removeprefix("Bearer ")
        if not await self._ours.renew(refused, *self._scopes):
            return False
        await self.authorize_request(request, *self._scopes)
        return True


def _name_host(lost: Any, url: str) -> None:
    """Let an error say who did not answer; those that met nobody say so by themselves."""
    if not getattr(lost, "host", None):
        parts = urlsplit(url)
        lost.host, lost.port = parts.hostname, parts.port


async def _whole(response: PipelineResponse[Any, Any]) -> None:
    """Have the answer's body here, and as JSON where it says that it is. DecodeError when it was cut off."""
    answer = response.http_response
    if not hasattr(answer, "read"):  # of azure-core's older transport, which reads by itself
        return
    # A long-running write's answer is not read yet. aiohttp keeps what it read; azure-core gives no empty one twice.
    if not answer.is_closed and not await answer.internal_response.read():
        return
    body = answer.content if answer.is_closed else await answer.read()
    kind = str(answer.headers.get("Content-Type") or "")
    if not body or "json" not in kind.lower():
        return
    try:
        json.loads(body)
    except ValueError:
        raise DecodeError(message="The answer was cut off.", response=answer) from None
