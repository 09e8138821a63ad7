"""What every resource type has in common: one class per type, and the generic server does the rest.

The server (arm/server.py) parses the path, checks token, api-version and body, finds the Kind by type and runs
(arm/lifecycle.py)

    PUT     kind.validate -> kind.represent -> store -> kind.accepted -> (operation) -> kind.succeed
    PATCH   the merged body, then as PUT with the codes of PATCH
    GET     kind.show;  GET of the collection, in a group or the subscription
    DELETE  kind.check_delete -> (operation) -> kind.deleted -> store
    POST    an action: the method that `@action("start")` marks. A long-running one returns `Reply.later(...)`, and the
            method that `@completes("start")` marks runs when the time has passed

A resource whose parent has a Document of its own (a VM extension) is a Kind too: its type has one more segment and the
server checks that the parent is there. A child that lives inside its parent's document (subnet, NAT rule, probe, ...)
is a `Child`: where it lies in the parent's `properties` is all the server needs. A Provider holds what a namespace
answers outside of resources (`/subscriptions/S/providers/NS/locations/L/usages`).
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

from wizard.sandbox.arm import errors
from wizard.sandbox.faults_file import Fault
from wizard.sandbox.store import Document, Json

if TYPE_CHECKING:
    from wizard.sandbox.world import World

Polling = Literal["async-operation", "location", "none"]

_ETAGS = uuid.UUID("8b6f3c5e-4f0d-4a52-9a44-5d2f6cf4a1b7")


@dataclass(frozen=True)
class Durations:
    """Seconds that Azure typically takes, before the sandbox's speed divides them. Zero means: answered at once."""

    create: float = 0.0
    update: float = 0.0
    delete: float = 0.0


@dataclass
class Call:
    """One authenticated request, taken apart. Names and types keep the caller's case; compare without regard to it.

    `id` is the id of the resource that the path names, with the group's own spelling. `query` has lower-cased keys
    (`$expand`, `api-version`), `headers` too.
    """

    world: World
    method: str
    path: str
    subscription: str
    group: str
    type: str  # "Microsoft.Network/loadBalancers/inboundNatRules", in the Kind's own case
    names: tuple[str, ...]
    action: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Json | None = None
    id: str = ""
    noted: Json = field(default_factory=dict)
    """What the requests log tells of it beside the request and its status."""
    fault: Fault | None = None
    """What was injected into it."""
    kept_password: Json | None = None
    """Of a machine that a scale set makes: `hash`, as the machine keeps it, and `digest`, in place of a password."""

    @property
    def name(self) -> str:
        return self.names[-1] if self.names else ""


@dataclass(frozen=True)
class Later:
    """What a long-running action does: `completes` of that action runs after `seconds` (before speed divides them)."""

    action: str
    seconds: float
    arguments: Json
    polling: Polling


@dataclass
class Reply:
    """An answer: status, JSON body or None, headers. `Reply.later` makes the long-running form of an action."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    begins: Later | None = None

    @classmethod
    def later(
        cls, action: str, seconds: float, arguments: Json | None = None, *, polling: Polling = "async-operation"
    ) -> Reply:
        """202 with polling URLs. `arguments` (JSON, kept over restarts: no secrets) go to the completing method."""
        return cls(202, begins=Later(action, seconds, arguments or {}, polling))


H = TypeVar("H", bound=Callable[..., Any])
Completion = Callable[[Document, Json], Awaitable[Any]]


def action(name: str, method: str = "POST") -> Callable[[H], H]:
    """Mark a Kind's method `async def start(self, call, document) -> Reply` as the POST action of that name.

    For an action of a `Child` the name is `loadBalancingRules/health`: the child's list, then the action; `call.names`
    ends with the child's name and `document` is the parent's.
    """

    def mark(function: H) -> H:
        function.arm_action = (method, name)  # type: ignore[attr-defined]
        return function

    return mark


def completes(name: str) -> Callable[[H], H]:
    """Mark `async def started(self, document, arguments) -> Json | None` as what ends a long-running action.

    What it returns is the operation's result, which `Location` answers; an ArmError lets the operation fail.
    """

    def mark(function: H) -> H:
        function.arm_completes = name  # type: ignore[attr-defined]
        return function

    return mark


def route(method: str, pattern: str) -> Callable[[H], H]:
    """Mark a Provider's method as the answer to a path below `/subscriptions/S/providers/NS/`.

    `pattern` is such as `locations/{location}/usages`; the method is `async def usages(self, call, location) -> Reply`
    and gets one positional argument for each brace, in order. A list is returned as `{"value": [...]}`; the server
    pages it.
    """

    def mark(function: H) -> H:
        function.arm_route = (method, pattern)  # type: ignore[attr-defined]
        return function

    return mark


class Provider:
    """What a namespace answers outside of resources. Subclasses mark methods with `@route`."""

    namespace: ClassVar[str]

    def __init__(self, world: World) -> None:
        self.world = world


@dataclass(frozen=True)
class Child:
    """A child resource that lives in a list of its parent's document, such as `properties.inboundNatRules`.

    `type` is the last segment of its ARM type, `where` the key under the parent's `properties`.
    """

    type: str
    where: str
    writable: bool = True  # whether ARM takes a PUT and DELETE of it alone


class Kind:
    """One ARM resource type. Subclasses state the facts and override what differs."""

    type: ClassVar[str]
    durations: ClassVar[Durations] = Durations()
    polling: ClassVar[Polling] = "async-operation"
    retry_after_s: ClassVar[float] = 10.0
    """The `Retry-After` that Azure sends with an accepted operation, before speed divides it."""
    created_status: ClassVar[int] = 201
    updated_status: ClassVar[int] = 200
    deleted_status: ClassVar[int] = 202  # of an accepted DELETE with a duration; 200 when it is done at once
    children: ClassVar[tuple[Child, ...]] = ()
    has_etag: ClassVar[bool] = False
    tracked: ClassVar[bool] = True
    """Whether it has a location of its own, which a PUT must name and can never change."""
    patch: ClassVar[Literal["tags", "merge"]] = "merge"
    provisioning: ClassVar[tuple[str, str] | None] = ("Creating", "Updating")
    """`provisioningState` while a create and an update run; None for types that have none."""
    write_only: ClassVar[tuple[str, ...]] = ()
    """Dotted paths under the body that are never kept nor shown (`properties.osProfile.adminPassword`)."""

    def __init__(self, world: World) -> None:
        self.world = world

    def seconds(self, verb: Literal["create", "update", "delete"], body: Json) -> float:
        """How long Azure takes for this write, before speed divides it."""
        return float(getattr(self.durations, verb))

    def validate(self, call: Call, body: Json, existing: Document | None) -> None:
        """Raise ArmError for what Azure would refuse before it accepts the request. `body` still has its secrets."""

    def represent(self, call: Call, body: Json, existing: Document | None) -> Json:
        """The document's body: what was sent, with Azure's defaults and read-only values, without what it hides.

        `body` is a copy that may be changed. The server adds `provisioningState` and takes `write_only` out.
        """
        return body

    def accepted(self, call: Call, body: Json, document: Document, created: bool) -> None:
        """The write is accepted and stored; `body` is the request's, secrets included. Here machines get their disk."""

    async def succeed(self, document: Document, created: bool) -> None:
        """The write's duration has passed; raise ArmError to let the operation fail. The server stores `document`."""

    def check_delete(self, call: Call, document: Document) -> None:
        """Raise ArmError when the resource is in use. `call` may be the deletion of the whole group."""

    async def deleted(self, document: Document) -> None:
        """The delete's duration has passed; the document is about to go."""

    def busy(self, call: Call, document: Document, operation_url: str) -> errors.ArmError:
        """What a write is told while another operation on the resource runs. Network's answer; compute has its own."""
        return errors.another_operation(operation_url)

    def etag(self, document: Document) -> str:
        """Changes with every write, and is another one when a resource is made anew under an old name."""
        return f'W/"{uuid.uuid5(_ETAGS, f"{document.id.lower()} {document.created} {document.etag}")}"'

    def show(self, document: Document, call: Call | None = None) -> Json:
        """What GET answers: id, name, type, etag where the type has one, and the body. Never the live body itself."""
        shown: Json = {"id": document.id, "name": document.name, "type": document.type}
        if self.has_etag:
            shown["etag"] = self.etag(document)
        shown.update(document.body)
        for child in self.children if self.has_etag else ():
            items = shown.get("properties", {}).get(child.where)
            if items:
                shown["properties"] = {
                    **shown["properties"],
                    child.where: [{**item, "etag": shown["etag"]} for item in items],
                }
        return shown
