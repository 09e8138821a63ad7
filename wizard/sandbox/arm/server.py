"""The HTTP face of the sandbox: who may ask, what a path names, and which Kind or Provider answers."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
import uuid
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from wizard import ids
from wizard.sandbox import faults_answers
from wizard.sandbox.arm import children, errors, lifecycle, paths, scopes, tags
from wizard.sandbox.arm.authorization import locks
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.arm.kind import Call, Child, Kind, Reply
from wizard.sandbox.arm.operationalinsights import query
from wizard.sandbox.arm.paging import page
from wizard.sandbox.arm.registry import Registry, action_of
from wizard.sandbox.arm.requests_log import RequestsLog
from wizard.sandbox.arm.storage import blob_service
from wizard.sandbox.arm.throttle import Throttle
from wizard.sandbox.authority import Authority
from wizard.sandbox.faults_file import KINDS
from wizard.sandbox.store import Document
from wizard.sandbox.world import World

log = logging.getLogger(__name__)

BODY_LIMIT = 4 * 1024 * 1024
"""Bytes; ARM's own limit of a request's content."""
BODY_TIMEOUT_S = 30.0
IDLE_TIMEOUT_S = 75.0
"""How long a connection may be silent, the time before its first request included."""
_VERSION = re.compile(r"\d{4}-\d\d-\d\d(-[a-z0-9.-]+)?", re.IGNORECASE)
_VERBS = {"GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete", "POST": "action"}


class Server:
    """ARM and the token authority on one address."""

    def __init__(self, world: World, authority: Authority, registry: Registry, requests: RequestsLog) -> None:
        self._world = world
        self._authority = authority
        self._registry = registry
        self._requests = requests
        self._throttle = Throttle()
        self._hosts = {world.arm_url.removeprefix("https://").lower()}

    def runner(self) -> web.AppRunner:
        """The aiohttp application, ready to be given its address."""
        app = web.Application(client_max_size=BODY_LIMIT)
        app.router.add_route("*", "/{path:.*}", self._answer)
        return web.AppRunner(app, access_log=None, keepalive_timeout=IDLE_TIMEOUT_S, shutdown_timeout=2.0)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        started = time.monotonic()
        call = Call(self._world, request.method, request.rel_url.raw_path, "", "", "", ())
        call.query = {key.lower(): value for key, value in request.query.items()}
        call.headers = {key.lower(): value for key, value in request.headers.items()}
        request_id = str(uuid.uuid4())
        try:
            reply = await self._checked(request, call)
        except ArmError as error:
            reply = Reply(error.status, {"error": error.error()}, error.headers)
        except faults_answers.ConnectionReset:
            self._requests.write(call, 0, time.monotonic() - started, request_id)
            faults_answers.reset(request)
            return web.Response()
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("%s %s failed", call.method, call.path)
            reply = Reply(500, {"error": {"code": "InternalServerError", "message": "An internal error occurred."}})
        response = _response(reply, request, request_id)
        faults_answers.settle(call, self._world)
        self._requests.write(call, reply.status, time.monotonic() - started, request_id)
        if call.fault is not None and KINDS[call.fault.kind].where == "answer":
            return await faults_answers.spoilt(call.fault, request, response)
        return response

    async def _checked(self, request: web.Request, call: Call) -> Reply:
        """Refuse what a browser page or another host's name could send; then the authority, then ARM."""
        if request.headers.get("Host", "").lower() not in self._hosts:
            raise ArmError(421, "MisdirectedRequest", "The Host header does not name this server.")
        # A browser tells where a request comes from: `Origin` with what a script sends, `Sec-Fetch-Site` with all.
        if "Origin" in request.headers or request.headers.get("Sec-Fetch-Site", "none") != "none":
            raise ArmError(403, "OriginNotAllowed", "Requests from web pages are not taken.")
        segments = paths.split(call.path)
        open_route = self._authority.routes.find(call.method, segments)
        if open_route := open_route or self._registry.open_routes.find(call.method, segments):
            handler, parameters = open_route
            return await handler(call, request, *parameters)
        token = call.headers.get("authorization", "")
        if blob_service.is_ours(segments):
            return self._stored(call, segments, token)
        claims = self._authority.check(token)
        if self._world.faults.is_revoked(token):
            raise faults_answers.expired(self._world)
        if query.is_ours(segments):
            call.body = await _body(request, call)
            return query.answer(call, segments)
        remaining = self._throttle.take(call, str(claims["oid"]))
        call.body = await _body(request, call)
        reply = faults_answers.strike(call, segments, token, self._world) or await self._arm(call, segments)
        reply.headers.update(remaining)
        return reply

    def _stored(self, call: Call, segments: tuple[str, ...], token: str) -> Reply:
        """The blob service, which has tokens and errors of its own."""
        try:
            self._authority.check(token, blob_service.AUDIENCE)
        except ArmError as error:
            return blob_service.refusal(error.status, error.code, error.message)
        return blob_service.answer(call, segments)

    async def _arm(self, call: Call, segments: tuple[str, ...]) -> Reply:
        version = call.query.get("api-version", "")
        if not version:
            raise ArmError(
                400,
                "MissingApiVersionParameter",
                "The api-version query parameter (?api-version=) is required for all requests.",
            )
        if not _VERSION.fullmatch(version):
            raise ArmError(400, "InvalidApiVersionParameter", f"The api-version '{version}' is invalid.")
        if segments and segments[0].lower() == "subscriptions" and len(segments) > 1:
            call.subscription = segments[1]
            if call.subscription.lower() != self._world.subscription:
                message = f"The subscription '{call.subscription}' could not be found."
                raise ArmError(404, "SubscriptionNotFound", message)
        locks.check(self._world.store, call.method, segments)
        if found := tags.scope(segments):
            return await tags.answer(call, self._registry, found)
        if route := self._registry.routes.find(call.method, segments):
            handler, parameters = route
            return self._paged(call, await handler(call, *parameters))
        if allowed := self._registry.routes.methods(segments):
            raise _not_allowed(call, allowed)
        if (scoped := scopes.split(segments, self._registry.scoped)) and (reply := await self._scoped(call, *scoped)):
            return self._paged(call, reply)
        path = paths.resource(segments)
        if path is None:
            raise ArmError(404, "NotFound", f"No route answers '{call.path}'.")
        return await self._resource(call, path)

    def _paged(self, call: Call, reply: Reply) -> Reply:
        return Reply(reply.status, page(call, reply.body), reply.headers) if isinstance(reply.body, list) else reply

    async def _scoped(self, call: Call, id: str, rest: tuple[str, ...]) -> Reply | None:
        """What hangs on another resource; None where the path names none of that (an autoscale setting has a group)."""
        routes = self._registry.scoped[rest[0].lower()]
        if (found := routes.find(call.method, rest)) is None:
            return None
        handler, parameters = found
        scope = scopes.find(call.world.store, call.world.subscription, id)
        call.group = ids.parse(scope.id).group if scope.document is not None else ""
        self._check_registered(call, rest[0])
        return await handler(call, scope, *parameters)

    # Resources

    async def _resource(self, call: Call, path: paths.ResourcePath) -> Reply:
        """A resource, a collection or an action, of a Kind or of a Child."""
        namespace = self._registry.namespaces.get(path.namespace.lower())
        if namespace is None:
            raise ArmError(404, "InvalidResourceNamespace", f"The resource namespace '{path.namespace}' is invalid.")
        call.names = path.names
        if path.last and self._known(f"{path.type}/{path.last}"):
            return self._collection(call, path)
        if not path.group or not path.types or not self._known(path.type):
            raise self._unknown_type(path, namespace)
        group = self._group(call, path)
        kind, child = self._kind_of(path.type)
        call.type = f"{kind.type}/{child.type}" if child else kind.type
        call.id = ids.resource_id(call.world.subscription, group.name, call.type, *path.names)
        self._check_registered(call, namespace)
        if path.last:
            return await self._action(call, kind, child, path.last)
        if child is not None:
            return await self._child(call, kind, child)
        return await self._whole(call, kind, group)

    async def _whole(self, call: Call, kind: Kind, group: Document) -> Reply:
        existing = call.world.store.get(call.id)
        if existing is not None:
            call.id = existing.id
        elif call.type.count("/") > 1 and call.world.store.get(call.id.rsplit("/", 2)[0]) is None:
            if call.method == "DELETE":
                return Reply(204)
            raise children.no_parent(_VERBS[call.method], call)
        if call.method == "PUT":
            self._check_open(call, group)
            if existing is None:
                call.names = (*(_own_names(call)), call.names[-1])
                call.id = ids.resource_id(call.world.subscription, group.name, call.type, *call.names)
            return await lifecycle.put(kind, call, existing)
        if call.method == "DELETE":
            return await lifecycle.delete(kind, call, existing)
        if existing is None:
            raise errors.resource_not_found(call.type, call.names, call.group)
        if call.method == "GET":
            return Reply(200, kind.show(existing, call))
        if call.method == "HEAD":
            return Reply(204)
        if call.method == "PATCH":
            self._check_open(call, group)
            return await lifecycle.patch(kind, call, existing)
        raise _not_allowed(call, {"GET", "PUT", "PATCH", "DELETE"})

    async def _child(self, call: Call, kind: Kind, child: Child) -> Reply:
        parent = call.world.store.get(call.id.rsplit("/", 2)[0])
        if parent is None and call.method == "DELETE":
            return Reply(204)
        if parent is None:
            raise children.no_parent(_VERBS[call.method], call)
        call.id = f"{parent.id}/{child.type}/{call.name}"
        if call.method == "PUT":
            return await children.put(kind, child, parent, call)
        if call.method == "DELETE":
            return await children.delete(kind, child, parent, call)
        if call.method in ("GET", "HEAD"):
            found = children.find(kind, child, parent, call)
            return Reply(200, found) if call.method == "GET" else Reply(204)
        raise _not_allowed(call, {"GET", "PUT", "DELETE"})

    async def _action(self, call: Call, kind: Kind, child: Child | None, name: str) -> Reply:
        handler = action_of(kind, call.method, f"{child.type}/{name}" if child else name)
        if handler is None:
            raise _not_allowed(call, set())
        call.action = name
        document = call.world.store.get(call.id.rsplit("/", 2)[0] if child else call.id)
        if document is None:
            raise errors.resource_not_found(kind.type, call.names[:1] if child else call.names, call.group)
        if child is not None:
            children.check(kind, child, document, call)
        reply = await handler(call, document)
        if reply.begins is None:
            return self._paged(call, reply)
        later = reply.begins
        operation = call.world.operations.begin(
            kind,
            document.id,
            later.action,
            later.seconds,
            location=document.body.get("location", ""),
            arguments=later.arguments,
        )
        return Reply(
            202, reply.body, {**reply.headers, **call.world.operations.headers(operation, call, later.polling)}
        )

    def _collection(self, call: Call, path: paths.ResourcePath) -> Reply:
        if call.method != "GET":
            raise _not_allowed(call, {"GET"})
        if path.group:
            self._group(call, path)
        kind, child = self._kind_of(f"{path.type}/{path.last}")
        call.type = f"{kind.type}/{child.type}" if child else kind.type
        if not path.types:
            found = call.world.store.of_type(kind.type, path.group or None)
            return Reply(200, page(call, [kind.show(document, call) for document in found]))
        call.names = (*path.names, "*")
        parent_id = ids.resource_id(call.world.subscription, path.group, path.type, *path.names)
        parent = call.world.store.get(parent_id)
        if parent is None:
            raise errors.parent_not_found("read", call.type, parent_id)
        if child is not None:
            return Reply(200, page(call, children.items(kind, child, parent, call)))
        below = f"{ids.key(parent.id)}/"
        found = [document for document in call.world.store.of_type(kind.type) if ids.key(document.id).startswith(below)]
        return Reply(200, page(call, [kind.show(document, call) for document in found]))

    # What must hold

    def _known(self, type: str) -> bool:
        return self._registry.kind(type) is not None or self._registry.child(type) is not None

    def _kind_of(self, type: str) -> tuple[Kind, Child | None]:
        if kind := self._registry.kind(type):
            return kind, None
        found = self._registry.child(type)
        assert found is not None
        return found

    def _unknown_type(self, path: paths.ResourcePath, namespace: str) -> ArmError:
        name = "/".join((*path.types, path.last) if path.last else path.types)
        if self._known(f"{namespace}/{'/'.join(path.types)}"):
            return ArmError(404, "NotFound", f"No route answers '{name}' of '{namespace}' there.")
        return ArmError(
            404,
            "InvalidResourceType",
            f"The resource type '{name}' could not be found in the namespace '{namespace}'. The supported types are "
            f"'{','.join(self._registry.types(namespace))}'.",
        )

    def _group(self, call: Call, path: paths.ResourcePath) -> Document:
        group = call.world.store.get(ids.group_id(call.world.subscription, path.group))
        if group is None:
            raise errors.group_not_found(path.group)
        call.group = group.name
        return group

    def _check_open(self, call: Call, group: Document) -> None:
        if group.body.get("properties", {}).get("provisioningState") == "Deleting":
            raise ArmError(
                409,
                "ResourceGroupBeingDeleted",
                f"The resource group '{group.name}' is in deprovisioning state and cannot perform this operation.",
            )

    def _check_registered(self, call: Call, namespace: str) -> None:
        state = call.world.store.read("setting", f"provider {namespace.lower()}")
        if state is not None and state["state"] != "Registered" and call.method == "PUT":
            raise ArmError(
                409,
                "MissingSubscriptionRegistration",
                f"The subscription is not registered to use namespace '{namespace}'. See https://aka.ms/rps-not-found "
                "for how to register subscriptions.",
                details=[
                    {
                        "code": "MissingSubscriptionRegistration",
                        "target": namespace,
                        "message": f"The subscription is not registered to use namespace '{namespace}'. See "
                        "https://aka.ms/rps-not-found for how to register subscriptions.",
                    }
                ],
            )


def _own_names(call: Call) -> tuple[str, ...]:
    """The names of a nested resource's parents as they were written first."""
    if len(call.names) == 1:
        return ()
    parent = call.world.store.get(call.id.rsplit("/", 2)[0])
    return ids.parse(parent.id).names if parent is not None else call.names[:-1]


def _not_allowed(call: Call, allowed: set[str]) -> ArmError:
    return ArmError(
        405,
        "MethodNotAllowed",
        f"The HTTP method '{call.method}' is not supported at '{call.path}'.",
        headers={"Allow": ", ".join(sorted(allowed))} if allowed else None,
    )


async def _body(request: web.Request, call: Call) -> Any:
    """The JSON object of a request that has one, within the limits of size and time."""
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            raw = await request.read()
    except TimeoutError:
        raise ArmError(408, "RequestTimeout", "The request's content did not arrive in time.") from None
    except web.HTTPRequestEntityTooLarge:
        raise ArmError(
            413, "RequestContentTooLarge", f"The request content size exceeds the maximum size of '{BODY_LIMIT}' bytes."
        ) from None
    if call.method not in ("PUT", "PATCH", "POST"):
        return None
    if not raw:
        if call.method == "POST":
            return None
        raise errors.invalid_content("The request has no content")
    if "json" not in request.content_type:
        raise ArmError(
            415,
            "UnsupportedMediaType",
            f"The content media type '{request.content_type}' is not supported. Only 'application/json' is supported.",
        )
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise errors.invalid_content(f"{type(error).__name__} at the request's content") from None
    if body is not None and not isinstance(body, dict):
        raise errors.invalid_content("The content is not an object")
    return body


def _response(reply: Reply, request: web.Request, request_id: str) -> web.Response:
    headers = {
        "Cache-Control": "no-cache",
        "x-ms-request-id": request_id,
        "x-ms-correlation-request-id": request.headers.get("x-ms-correlation-request-id", request_id),
        "x-ms-routing-request-id": f"SANDBOX:{request_id}",
        **reply.headers,
    }
    if client_id := request.headers.get("x-ms-client-request-id"):
        headers["x-ms-client-request-id"] = client_id
    if reply.status >= 400 and isinstance(reply.body, Mapping) and "error" in reply.body:
        error = reply.body["error"]
        headers["x-ms-failure-cause"] = "gateway" if reply.status == 404 else "service"
        headers["x-ms-error-code"] = str(error["code"] if isinstance(error, Mapping) else error)
    if reply.body is None or request.method == "HEAD" or reply.status == 204:
        return web.Response(status=reply.status, headers=headers)
    if isinstance(reply.body, bytes | str):
        kind = headers.pop("Content-Type", "text/plain; charset=utf-8")
        content = reply.body.encode() if isinstance(reply.body, str) else reply.body
        return web.Response(status=reply.status, body=content, headers={**headers, "Content-Type": kind})
    text = json.dumps(reply.body)
    return web.Response(status=reply.status, text=text, content_type="application/json", headers=headers)
