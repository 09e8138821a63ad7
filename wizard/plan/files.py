"""plan.toml: read with every fault told at once, and written so that a person can go on from it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from wizard.errors import InputError, Problem
from wizard.home import write_atomically
from wizard.plan import document, rules, workload
from wizard.plan.model import DataDisk, Plan, Rule

_COMMENTS: Mapping[str, str] = {
    "cloud": "sandbox, public, usgov, china, or the URL of an ARM endpoint",
    "name": "the resource group, and the name commands know the deployment by",
    "machines.os": "linux, windows",
    "machines.image": "a name from our list, publisher:offer:sku:version, or an image id",
    "machines.placement": "availability-set, zones, scale-set",
    "machines.zones": "of zones, and of a scale set over zones: machines go round them",
    "machines.os_disk_caching": "none, read-only, read-write",
    "machines.os_disk_gb": "0: the image's own",
    "machines.security_type": "auto, trusted-launch (secure boot, virtual TPM), standard",
    "machines.auth": "ssh-key, password",
    "machines.ssh_key": "the public key; the private one stays with you",
    "machines.workload": "page, none, or the path of a cloud-init file",
    "scale_set.zones": "of a scale set, as all of this table; false: not over zones",
    "scale_set.autoscale": "Azure adds and takes machines by their CPU, by the numbers below",
    "scale_set.health": "asks the workload from inside each machine",
    "scale_set.repairs": "replaces a machine that is not healthy",
    "network.allow_http": "addresses, ranges, service tags; in the sandbox, loopback counts as Internet",
    "network.allow_admin": "who may sign in: the addresses you come from",
    "network.outbound": "nat-gateway, outbound-rule, none",
    "network.outbound_address": "of an outbound rule: own, balancer",
    "network.outbound_ports": "of an outbound rule: for each machine, a multiple of 8",
    "balancer.probe_protocol": "http, tcp",
    "balancer.nat": "per-vm (one rule each), range (port range and pool)",
    "balancer.nat_range": "of a range: how many ports",
    "diagnostics.workspace": "the id of a Log Analytics workspace, or new",
    "diagnostics.health_events": "to the storage account and the workspace",
    "diagnostics.guest_metrics": "by the Azure Monitor agent, to the workspace",
    "management.lock": "none, delete",
    "management.patching": "platform, image",
    "management.keep_disks": "when a machine is scaled in or deleted",
    "storage.layout": "managed, account-per-vm (unmanaged disks, where a cloud still has them)",
}
_EXAMPLES: Mapping[str, tuple[str, BaseModel]] = {
    "machines.data_disks": ("further disks on each machine; take the # away, once for each disk", DataDisk()),
    "network.rules": (
        "security rules of one's own; take the # away, once for each rule",
        Rule(name="deny-scanner", priority=105, source=("203.0.113.0/24",)),
    ),
}
"""What stands, as a comment, in the place of a list of tables that is empty: an empty list there could not be added to
(TOML 1.0, "Array of Tables")."""

_COLUMN = 37  # where comments begin, as far as the values let them


class PlanProblems(InputError):  # noqa: N818 - it is many of them, and each is a Problem
    """A plan that cannot be used; `problems` holds every fault, warnings too."""

    def __init__(self, what: str, problems: list[Problem], remedy: str = "") -> None:
        errors = sum(problem.severity == "error" for problem in problems)
        super().__init__(
            what,
            "One thing in it is wrong." if errors == 1 else f"{errors} things in it are wrong.",
            remedy or "Correct it and try again; multivm-wizard plan check FILE shows what is left.",
        )
        self.problems = problems


def read(path: Path) -> Plan:
    """The plan in a file. PlanProblems when it has errors, InputError when there is no such file to read."""
    plan, problems = check(read_text(path), path.parent)
    if plan is None:
        raise PlanProblems(f"{path} cannot be used.", problems)
    return plan


def read_text(path: Path) -> str:
    """A plan file's text; InputError when it cannot be had."""
    try:
        return path.read_text(encoding="utf-8-sig")  # some editors begin a file with a byte order mark
    except UnicodeDecodeError:
        raise InputError(f"{path} is not a text in UTF-8.", "TOML files are.", "Save it as UTF-8.") from None
    except OSError as error:
        raise InputError(
            f"{path} cannot be read.", f"{error.strerror}.", "Name another file, or make one with: plan new -o FILE"
        ) from error


def check(text: str, folder: Path | None = None) -> tuple[Plan | None, list[Problem]]:
    """Judge plan.toml's text: the plan, or None where it has errors, and every Problem in the order of the keys.

    Relative paths in it count from `folder`, or the working directory.
    """
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return None, [_list_twice(text) or _syntax(error)]
    except RecursionError:
        return None, [Problem("", "This is nested too deeply to be a plan.", "A plan is two levels deep.")]
    found = document.read(tree)
    if isinstance(path := found.values.get(workload.FIELD), str):
        found.values[workload.FIELD] = workload.resolve(path, folder or Path())
    problems = rules.in_order([*found.problems, *rules.check_values(found.values)])
    if any(problem.severity == "error" for problem in problems):
        return None, problems
    return document.build(found.values), problems


def write(plan: Plan, path: Path) -> None:
    """Write a plan file, in one step; what stood there is replaced."""
    write_atomically(path, dumps(plan), 0o644)


def dumps(plan: Plan) -> str:
    """plan.toml with every key, and a comment where the values do not speak for themselves."""
    values = document.flatten(plan)
    lines: list[str] = [_line(key, values[key]) for key in values if "." not in key and key != "tags"]
    lines.append("[tags]")
    lines.extend(f"{_key(name)} = {_value(text)}" for name, text in plan.tags.items())
    for section in document.sections():
        lines.append(f"[{section}]")
        inside = {key: value for key, value in values.items() if key.startswith(f"{section}.")}
        tables = {key: value for key, value in inside.items() if key in document.lists_of_tables()}
        lines.extend(_line(key, value) for key, value in inside.items() if key not in tables)
        lines.extend(line for key, value in tables.items() for line in _tables(key, value))
    return "\n".join(lines) + "\n"


def json_schema() -> dict[str, Any]:
    """A JSON schema of plan.toml for editors, with each key's description, default and limits."""
    schema = Plan.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "plan.toml of multivm-wizard",
    }


def _list_twice(text: str) -> Problem | None:
    """A list that is written empty and then added to: TOML has it so that the first closes it."""
    for key in document.lists_of_tables():
        name = key.rpartition(".")[2]
        empty = re.search(rf"^[ \t]*{name}[ \t]*=[ \t]*\[\s*\]", text, re.MULTILINE)
        added = re.search(rf"^[ \t]*\[\[\s*{re.escape(key)}\s*\]\]", text, re.MULTILINE)
        if empty and added:
            lines = [text.count("\n", 0, found.start()) + 1 for found in (empty, added)]
            return Problem(
                key,
                f"The list is empty in line {lines[0]} and added to in line {lines[1]}.",
                "In TOML a list that is written as [] is complete.",
                f"Remove line {lines[0]}: {name} = []",
            )
    return None


def _syntax(error: tomllib.TOMLDecodeError) -> Problem:
    words = str(error)
    place = re.search(r"\s*\(at (line (\d+), column (\d+)|end of document)\)$", words)
    reason = words[: place.start()] if place else words
    where = place.group(1) if place else "an unknown place"
    return Problem(
        "",
        f"The file is not TOML: {reason}, at {where}.",
        "Nothing in it can be judged before it can be read.",
        "Correct this place; texts stand in double quotes, and tables in square brackets.",
    )


def _line(key: str, value: Any) -> str:
    line = f"{key.rpartition('.')[2]} = {_value(value)}"
    comment = _COMMENTS.get(key)
    return f"{line + ' ':<{_COLUMN}}# {comment}" if comment else line


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, tuple):
        return f"[{', '.join(_value(item) for item in value)}]"
    return _text(str(value))


def _tables(key: str, entries: tuple[BaseModel, ...]) -> list[str]:
    if entries:
        return [line for entry in entries for line in _table(key, entry)]
    comment, example = _EXAMPLES[key]
    first, *rest = _table(key, example)
    return [f"{f'# {first} ':<{_COLUMN}}# {comment}", *(f"# {line}" for line in rest)]


def _table(key: str, entry: BaseModel) -> list[str]:
    return [f"[[{key}]]", *(f"{name} = {_value(getattr(entry, name))}" for name in type(entry).model_fields)]


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _text(name)


def _text(text: str) -> str:
    """A TOML basic string: quotes, backslashes and control characters escaped (TOML 1.0, "String")."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda found: f"\\u{ord(found.group()):04x}", escaped) + '"'
