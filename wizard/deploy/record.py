"""What this computer remembers of a deployment: which plan, in which subscription, signed in to how. No secrets.

HOME/deployments/NAME/plan.toml        the plan as it was last deployed
HOME/deployments/NAME/deployment.json  subscription, cloud, created, credentials by VM
HOME/deployments/NAME/cloud-init       the user's own cloud-init file, as it was then, where the plan names one
HOME/last                              the name of the deployment last worked on

The record is kept from before the first write, so that status and destroy work after a crash, and is no authority:
what is there is always read from Azure.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.errors import InputError
from wizard.home import home, write_atomically

if TYPE_CHECKING:
    from wizard.plan.model import Plan


@dataclass(frozen=True)
class Credential:
    """How a VM's administrator signs in: `created_with` is "ssh-key" or "password"; `changed_at` is UTC, ISO 8601.

    `uncertain_since` is when a reset began of which no end is known: the credential is the old one, or the new one.
    """

    user: str
    created_with: str
    changed_at: str | None = None
    uncertain_since: str | None = None


@dataclass(frozen=True)
class Record:
    """One deployment as this computer remembers it. `folder` may keep more beside (host keys, evidence)."""

    plan: Plan
    subscription: str
    folder: Path
    created: str = ""
    credentials: Mapping[str, Credential] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.plan.name

    @property
    def uncertain(self) -> tuple[str, ...]:
        """The VMs whose credentials a reset that was killed may have changed, or not."""
        return tuple(vm for vm, credential in self.credentials.items() if credential.uncertain_since)


def save(plan: Plan, subscription: str, *, new_vms: Collection[str] = ()) -> Record:
    """Remember a deployment and make it the last one. What is known of its VMs' credentials stays.

    `new_vms` do not exist yet: their credentials are what this plan gives them, whatever was remembered before.
    """
    from wizard.plan import files, workload

    folder = _folder(plan.name)
    try:
        before = _read(folder) or {}
    except InputError:
        before = {}  # damaged: it is made anew
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    plan = _with_own_copy(plan, folder)
    planned = Credential(user=plan.machines.admin_user, created_with=str(plan.machines.auth))
    kept = {vm: found for vm, found in _credentials(before).items() if vm not in new_vms}
    record = Record(
        plan,
        subscription,
        folder,
        str(before.get("created") or _now()),
        {vm: kept.get(vm, planned) for vm in dict.fromkeys((*kept, *plan.vm_names))},
    )
    files.write(_moved(plan, _CLOUD_INIT) if workload.is_file(plan.machines.workload) else plan, folder / "plan.toml")
    _write(record)
    remember_last(plan.name)
    return record


def load(name: str | None = None) -> Record:
    """The deployment of that name, or the one last worked on. InputError when it is not known here."""
    from wizard.plan import files

    wanted = name or _last()
    if not wanted:
        raise InputError("There is no deployment yet.", "None was made or named so far.", "multivm-wizard deploy FILE")
    folder = _folder(wanted)
    found = _read(folder)
    if found is None or not (folder / "plan.toml").is_file():
        there = names()
        raise InputError(
            f"No deployment named {wanted} is known here.",
            f"Known: {', '.join(there)}." if there else f"{home()} remembers none.",
            "Check the name, or MULTIVM_HOME; a plan is deployed with `multivm-wizard deploy FILE`.",
        )
    plan = files.read(folder / "plan.toml")
    return Record(plan, str(found["subscription"]), folder, str(found.get("created") or ""), _credentials(found))


def known(name: str) -> bool:
    """Whether this computer remembers a deployment of that name."""
    return (_folder(name) / "deployment.json").is_file()


def forget(name: str) -> None:
    """Remove what is remembered of a deployment; nothing when nothing is."""
    folder = _folder(name)
    if folder.is_dir():
        shutil.rmtree(folder)
    if (last := _last()) is not None and last.casefold() == name.casefold():
        (home() / "last").unlink(missing_ok=True)


def names() -> list[str]:
    """All deployments this computer remembers."""
    folder = home() / "deployments"
    return sorted(file.parent.name for file in folder.glob("*/deployment.json"))


def note_credential(record: Record, vm: str, *, user: str | None = None) -> Record:
    """Remember that a VM's credential was changed now, and its administrator's name if that changed too."""
    planned = Credential(user=record.plan.machines.admin_user, created_with=str(record.plan.machines.auth))
    before = record.credentials.get(vm, planned)
    changed = replace(before, user=user or before.user, changed_at=_now())
    noted = replace(record, credentials={**record.credentials, vm: changed})
    _write(noted)
    return noted


def note_uncertain(record: Record, vms: Collection[str], *, since: bool) -> Record:
    """Remember that resets of these VMs begin now (`since`), or that how they ended is known."""
    planned = Credential(user=record.plan.machines.admin_user, created_with=str(record.plan.machines.auth))
    marked = {vm: replace(record.credentials.get(vm, planned), uncertain_since=_now() if since else None) for vm in vms}
    noted = replace(record, credentials={**record.credentials, **marked})
    _write(noted)
    return noted


def remember_last(name: str) -> None:
    """Commands without a name mean this deployment from now on."""
    write_atomically(home() / "last", name + "\n")


_CLOUD_INIT = "cloud-init"


def _with_own_copy(plan: Plan, folder: Path) -> Plan:
    """A plan that names a cloud-init file, with the copy that stays beside the record: the original may change or go,
    and a machine that is added later is told what the others were.
    """
    from wizard.plan import workload

    if not workload.is_file(plan.machines.workload):
        return plan
    write_atomically(folder / _CLOUD_INIT, workload.read(plan.machines.workload))
    return _moved(plan, str((folder / _CLOUD_INIT).absolute()))


def _moved(plan: Plan, path: str) -> Plan:
    return plan.model_copy(update={"machines": plan.machines.model_copy(update={"workload": path})})


def _last() -> str | None:
    try:
        return (home() / "last").read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        return None


def _folder(name: str) -> Path:
    """A deployment's folder. Resource groups have no case, folders may: what is there already is the one meant."""
    if name in ("", ".", "..") or "/" in name or "\\" in name or "\0" in name:
        raise InputError(f"{name!r} is not the name of a deployment.", "", "It is the name of its resource group.")
    parent = home() / "deployments"
    if parent.is_dir():
        for inner in parent.iterdir():
            if inner.name.casefold() == name.casefold():
                return inner
    return parent / name


def _read(folder: Path) -> dict[str, Any] | None:
    try:
        content = json.loads((folder / "deployment.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError as error:
        raise InputError(
            f"{folder / 'deployment.json'} cannot be read.",
            f"It is not what was written: {error}.",
            "Deploy the plan again: the record is made anew, and what exists in Azure is recognised by its tags.",
        ) from None
    return content if isinstance(content, dict) else None


def _write(record: Record) -> None:
    content = {
        "subscription": record.subscription,
        "cloud": record.plan.cloud,
        "created": record.created,
        "credentials": {vm: asdict(credential) for vm, credential in record.credentials.items()},
    }
    write_atomically(record.folder / "deployment.json", json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def _credentials(content: Mapping[str, Any]) -> dict[str, Credential]:
    return {vm: Credential(**entry) for vm, entry in (content.get("credentials") or {}).items()}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
