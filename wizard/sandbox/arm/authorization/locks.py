"""Management locks: what a scope has is in force below it, and deleting a group asks what lies inside it, too.

Source: Microsoft, "Lock your Azure resources to protect your infrastructure".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard import ids
from wizard.sandbox.arm.errors import ArmError, invalid_content
from wizard.sandbox.arm.kind import Call, Reply, route
from wizard.sandbox.arm.scopes import TABLE, Scope, ScopeProvider

if TYPE_CHECKING:
    from wizard.sandbox.store import Json, Store

_TYPE = "Microsoft.Authorization/locks"
_BELOW = "/providers/microsoft.authorization/locks/"
LEVELS = ("CanNotDelete", "ReadOnly")
LONGEST_NOTES = 512
_VERBS = {"DELETE": "delete", "PUT": "write", "PATCH": "write", "POST": "write"}


class Locks(ScopeProvider):
    """`{scope}/providers/Microsoft.Authorization/locks`"""

    namespace = "Microsoft.Authorization"

    @route("GET", "locks")
    async def list_all(self, call: Call, scope: Scope) -> Reply:
        call.type = _TYPE
        exact = "atscope()" in call.query.get("$filter", "").lower()
        return Reply(
            200,
            [
                value
                for key, value in self.world.store.items(TABLE)
                if _BELOW in key and (_scope_of(key) == scope.key or (not exact and key.startswith(f"{scope.key}/")))
            ],
        )

    @route("GET", "locks/{name}")
    async def get(self, call: Call, scope: Scope, name: str) -> Reply:
        kept = self.world.store.read(TABLE, self._key(call, scope, name))
        if kept is None:
            raise ArmError(404, "LockNotFound", f"The lock '{name}' could not be found.")
        return Reply(200, kept)

    @route("PUT", "locks/{name}")
    async def put(self, call: Call, scope: Scope, name: str) -> Reply:
        key = self._key(call, scope, name)
        given = (call.body or {}).get("properties")
        level = next((one for one in LEVELS if isinstance(given, dict) and one == given.get("level")), None)
        if level is None:
            raise invalid_content(f"The lock's level is one of {', '.join(LEVELS)}")
        notes = str((given or {}).get("notes") or "")
        if len(notes) > LONGEST_NOTES:
            raise invalid_content(f"The lock's notes have at most {LONGEST_NOTES} characters")
        created = self.world.store.read(TABLE, key) is None
        kept: Json = {
            "id": f"{scope.id}/providers/Microsoft.Authorization/locks/{name}",
            "type": _TYPE,
            "name": name,
            "properties": {"level": level, **({"notes": notes} if notes else {})},
        }
        self.world.store.write(TABLE, key, kept)
        return Reply(201 if created else 200, kept)

    @route("DELETE", "locks/{name}")
    async def delete(self, call: Call, scope: Scope, name: str) -> Reply:
        key = self._key(call, scope, name)
        found = self.world.store.read(TABLE, key)
        self.world.store.write(TABLE, key, None)
        return Reply(200 if found else 204)

    def _key(self, call: Call, scope: Scope, name: str) -> str:
        call.type, call.names = _TYPE, (name,)
        call.id = f"{scope.key}{_BELOW}{name.lower()}"
        return call.id


def check(store: Store, method: str, segments: tuple[str, ...]) -> None:
    """ArmError 409 when a lock forbids the request. Locks themselves can always be put and taken off."""
    verb = _VERBS.get(method)
    path = "/" + "/".join(segment.lower() for segment in segments)
    if verb is None or segments[0].lower() != "subscriptions" or "/providers/microsoft.authorization/" in path:
        return
    locked = []
    for key, lock in store.items(TABLE):
        if _BELOW not in key or (verb == "write" and lock["properties"]["level"] != "ReadOnly"):
            continue
        scope = _scope_of(key)
        if f"{path}/".startswith(f"{scope}/") or (verb == "delete" and f"{scope}/".startswith(f"{path}/")):
            locked.append(scope)
    if locked:
        target = ids.key("/" + "/".join(segments))
        raise ArmError(
            409,
            "ScopeLocked",
            f"The scope '{target}' cannot perform {verb} operation because following scope(s) are locked: "
            f"'{','.join(dict.fromkeys(locked))}'. Please remove the lock and try again.",
        )


def _scope_of(key: str) -> str:
    return key.rpartition(_BELOW)[0]
