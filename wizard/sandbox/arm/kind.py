"""What every resource type has in common: one class per type, and the generic server does the rest.

The server (arm/server.py) parses the path, checks token, api-version and body, finds the Kind by type and runs

    PUT     kind.validate -> kind.represent -> store -> (operation) -> kind.succeed
    PATCH   the merged body, then as PUT with the codes of PATCH
    GET     kind.show;  GET of the collection, in a group or the subscription
    DELETE  kind.check_delete -> (operation) -> kind.deleted -> store
    POST    an action: the method that `action("start")` marks

A child that lives inside its parent's document (subnet, NAT rule, probe, ...) is a `Child`: where it lies in the
parent's `properties` is all the server needs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

from wizard.sandbox.store import Document, Json

if TYPE_CHECKING:
    from wizard.sandbox.world import World


@dataclass(frozen=True)
class Durations:
    """Seconds that Azure typically takes, before the sandbox's speed divides them. Zero means: answered at once."""

    create: float = 0.0
    update: float = 0.0
    delete: float = 0.0


@dataclass
class Call:
    """One authenticated request, taken apart. Names and types keep the caller's case; compare without regard to it."""

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


@dataclass
class Reply:
    """An answer: status, JSON body or None, headers. `Reply.later` (see operations) makes the long-running forms."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[[Any, Call, Document], Awaitable[Reply]]
H = TypeVar("H", bound=Callable[..., Any])


def action(name: str, method: str = "POST") -> Callable[[H], H]:
    """Mark a Kind's method `async def start(self, call, document) -> Reply` as the POST action of that name."""

    def mark(function: H) -> H:
        function.arm_action = (method, name)  # type: ignore[attr-defined]
        return function

    return mark


class Child:
    """A child resource that lives in a list of its parent's document, such as `properties.inboundNatRules`."""

    def __init__(self, type: str, where: str) -> None:
        self.type = type
        self.where = where


class Kind:
    """One ARM resource type. Subclasses state the facts and override what differs."""

    type: ClassVar[str]
    durations: ClassVar[Durations] = Durations()
    polling: ClassVar[Literal["async-operation", "location", "none"]] = "async-operation"
    created_status: ClassVar[int] = 201
    updated_status: ClassVar[int] = 200
    deleted_status: ClassVar[int] = 202  # of an accepted DELETE with a duration; 200 when it is done at once
    children: ClassVar[tuple[Child, ...]] = ()
    has_etag: ClassVar[bool] = False
    write_only: ClassVar[tuple[str, ...]] = ()
    """Dotted paths under the body that are never kept nor shown (`properties.osProfile.adminPassword`)."""

    def __init__(self, world: World) -> None:
        self.world = world

    def validate(self, call: Call, body: Json, existing: Document | None) -> None:
        """Raise ArmError for what Azure would refuse before it accepts the request. `body` still has its secrets."""

    def represent(self, call: Call, body: Json, existing: Document | None) -> Json:
        """The document's body: what was sent, with Azure's defaults and read-only values, without what it hides."""
        return body

    def accepted(self, call: Call, body: Json, document: Document, created: bool) -> None:
        """The write is accepted and stored; `body` is the request's, secrets included. Here machines get their disk."""

    async def succeed(self, document: Document, created: bool) -> None:
        """The write's duration has passed; raise ArmError to let the operation fail."""

    def check_delete(self, call: Call, document: Document) -> None:
        """Raise ArmError when the resource is in use."""

    async def deleted(self, document: Document) -> None:
        """The delete's duration has passed; the document is about to go."""

    def show(self, document: Document, call: Call | None = None) -> Json:
        """What GET answers: id, name, type, etag where the type has one, and the body."""
        shown: Json = {"id": document.id, "name": document.name, "type": document.type}
        if self.has_etag:
            shown["etag"] = f'W/"{document.etag:08d}-0000-0000-0000-000000000000"'
        shown.update(document.body)
        return shown
