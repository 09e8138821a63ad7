"""The draft: what was answered so far, what of it is committed, and the secrets, which no file ever sees.

A value is drafted with every key that is pressed and committed when its field is left; Esc goes back to what was
committed. Values stand here by dotted plan key as plan.toml would hold them (`machines.auth` is the text "ssh-key").
Keys that begin with `wizard.` belong to the wizard alone (how to sign in, where to begin) and are in no plan; keys that
begin with `secret.` are kept apart, as SecretStr.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.errors import Problem
    from wizard.plan.model import Plan

SECRET = "secret."  # noqa: S105 - how keys of secrets begin
OWN = "wizard."
PASSWORD = "secret.password"  # noqa: S105 - a key's name
PASSWORD_AGAIN = "secret.password_again"  # noqa: S105 - a key's name

Watcher = Callable[[str], None]


def defaults() -> dict[str, Any]:
    """The plan's own defaults, by dotted key. Imports pydantic (90 ms): call it in a thread, after the first frame."""
    from wizard.plan.model import Plan

    return flatten(Plan())


def flatten(plan: Plan) -> dict[str, Any]:
    """A plan's values as answers hold them."""
    from wizard.plan import document

    return {key: plain(value) for key, value in document.flatten(plan).items()}


def plain(value: Any) -> Any:
    """A value without the plan's own types: an enum's text, a tuple for any list."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, (list, tuple)):
        return tuple(plain(item) for item in value)
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value


class Answers:
    """The draft of one plan. Whoever watches is called with the key that changed."""

    def __init__(self) -> None:
        self._draft: dict[str, Any] = {
            "cloud": "sandbox",
            "name": "",
            "wizard.begin": "new",
            "wizard.cloud": "sandbox",
        }
        self._committed = dict(self._draft)
        self._secrets: dict[str, SecretStr] = {}
        self._watchers: list[Watcher] = []
        self.complete = False
        """Whether every key of a plan has a value, be it a wrong one; before, no rule is asked."""

    # Values

    def get(self, key: str, default: Any = None) -> Any:
        """The drafted value."""
        return self._draft.get(key, default)

    def set(self, key: str, value: Any, *, commit: bool = False) -> None:
        """Draft a value; `commit` it at once where no field is being edited."""
        changed = key not in self._draft or self._draft[key] != value
        self._draft[key] = value
        if commit:
            self._committed[key] = value
        if changed:
            self._tell(key)

    def committed(self, key: str, default: Any = None) -> Any:
        """The value that Esc goes back to."""
        return self._committed.get(key, default)

    def commit(self, *keys: str) -> None:
        """What is drafted for these keys, or for all, is the answer now."""
        for key in keys or tuple(self._draft):
            if key in self._draft:
                self._committed[key] = self._draft[key]

    def revert(self, key: str) -> Any:
        """Drop what was drafted since the last commit; returns the committed value."""
        value = self._committed.get(key)
        self.set(key, value)
        return value

    def replace(self, values: Mapping[str, Any]) -> None:
        """Take over a whole plan's values (a file, the last answers), committed."""
        for key, value in values.items():
            self.set(key, plain(value), commit=True)

    def complement(self, values: Mapping[str, Any]) -> None:
        """Fill what has no value yet from a plan's defaults; from then on rules are asked."""
        for key, value in values.items():
            if self._draft.get(key) in (None, ""):
                self.set(key, plain(value), commit=True)
        self.complete = True

    def plan_values(self) -> dict[str, Any]:
        """The draft as the nested document that plan.toml holds: no secrets, nothing of the wizard's own."""
        return _nested(self._draft)

    def committed_plan_values(self) -> dict[str, Any]:
        """As `plan_values`, of what is committed."""
        return _nested(self._committed)

    def plan(self) -> Plan:
        """The plan of the draft; raises pydantic's ValidationError for values of a wrong type: ask `problems` first."""
        from wizard.plan.model import Plan

        return Plan.model_validate(self.plan_values())

    # Secrets

    def secret(self, key: str) -> SecretStr | None:
        """A secret, or None where none was given."""
        return self._secrets.get(key)

    def set_secret(self, key: str, text: str) -> None:
        """Keep a secret in memory; an empty text forgets it."""
        from pydantic import SecretStr

        if text:
            self._secrets[key] = SecretStr(text)
        else:
            self._secrets.pop(key, None)
        self._tell(key)

    def secrets(self) -> Iterable[SecretStr]:
        """All of them: the crash report looks for them in what it is about to write."""
        return tuple(self._secrets.values())

    def forget_secrets(self) -> None:
        """Drop all of them."""
        self._secrets.clear()

    # Rules

    def problems(self) -> list[Problem]:
        """Every Problem of the draft in the order of a plan's keys; then those of the secrets. Pure, about 1 ms."""
        if not self.complete:
            return []
        return [*_judged(self.plan_values()), *self._secret_problems()]

    def problems_with(self, key: str, value: Any) -> list[Problem]:
        """Those that the key would have with this value, everything else being as it is."""
        return [each for each in _judged(_nested({**self._draft, key: value})) if each.field == key]

    def _secret_problems(self) -> list[Problem]:
        if self.get("machines.auth") != "password":
            return []
        from dataclasses import replace

        from wizard.plan import rules
        from wizard.plan.model import OsType

        text, again = self._revealed(PASSWORD), self._revealed(PASSWORD_AGAIN)
        os = OsType.WINDOWS if self.get("machines.os") == "windows" else OsType.LINUX
        if problem := rules.password(text, os, PASSWORD):
            return [replace(problem, remedy="Choose another, or let one be made: ^G.")]
        if text != again:
            from wizard.errors import Problem

            return [Problem(PASSWORD_AGAIN, "The two are not the same.", "", "Type it again, or ^G makes one.")]
        return []

    def _revealed(self, key: str) -> str:
        found = self._secrets.get(key)
        return found.get_secret_value() if found else ""

    # Watching

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Call `watcher` with every key that changes; returns what ends that."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher) if watcher in self._watchers else None

    def _tell(self, key: str) -> None:
        for watcher in tuple(self._watchers):
            watcher(key)


def dotted(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Nested plan values by dotted key; the tags stay one value."""
    values: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, dict) and name != "tags":
            values.update({f"{name}.{inner}": plain(each) for inner, each in value.items()})
        else:
            values[name] = plain(value)
    return values


def _judged(tree: Mapping[str, Any]) -> list[Problem]:
    from wizard.plan import document, rules

    found = document.read(tree)
    return rules.in_order([*found.problems, *rules.check_values(found.values)])


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, value in values.items():
        if key.startswith((SECRET, OWN)):
            continue
        *path, name = key.split(".")
        section = tree
        for part in path:
            section = section.setdefault(part, {})
        section[name] = list(value) if isinstance(value, tuple) else value
    return tree
