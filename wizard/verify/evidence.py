"""What a verification, a drill or a patching leaves in HOME/deployments/NAME/evidence/TIME/: evidence.json, the report.

Everything in it has been an event or a figure before, and no event ever holds a secret. The report is a rendering of
evidence.json alone, so that it can be made again at any time.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.home import write_atomically

if TYPE_CHECKING:
    from wizard.deploy.endpoints import Endpoints
    from wizard.deploy.events import Event
    from wizard.deploy.record import Record
    from wizard.verify.drill.events import DrillDone
    from wizard.verify.events import CheckDone
    from wizard.verify.load import LoadResult
    from wizard.verify.ramp import RampDone

VERSION = 2
LIBRARIES = (
    "azure-core",
    "azure-identity",
    "azure-mgmt-compute",
    "azure-mgmt-network",
    "azure-mgmt-resource",
    "httpx",
    "paramiko",
    "uvloop",
)
STATES = ("passed", "failed", "warned", "skipped")


def folder(record: Record) -> Path:
    """A new folder for one verification, named by the time (UTC); a second one in the same second gets a number."""
    name = datetime.now(UTC).strftime("%Y-%m-%dT%H%M%SZ")
    parent = record.folder / "evidence"
    for number in range(1000):
        made = parent / (name if number == 0 else f"{name}-{number}")
        try:
            made.mkdir(parents=True, mode=0o700)
        except FileExistsError:
            continue
        return made
    raise FileExistsError(parent / name)


def keep(
    into: Path,
    record: Record,
    *,
    began: datetime,
    cloud: str,
    reach: Endpoints,
    checks: Sequence[CheckDone] = (),
    loads: Sequence[LoadResult] = (),
    resources: Sequence[Mapping[str, Any]] = (),
    drill: DrillDone | None = None,
    patching: Event | None = None,
    ramp: RampDone | None = None,
) -> None:
    """Write evidence.json and the report. `resources` are `{"id", "type", "name", "state"}` of what was planned."""
    from wizard.release import version

    content: dict[str, Any] = {
        "evidence": VERSION,
        "deployment": record.name,
        "cloud": cloud,
        "subscription": record.subscription,
        "began": began.isoformat(timespec="seconds"),
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": version(),
        "environment": _environment(),
        "http": reach.http,
        "ssh": dict(reach.ssh),
        "rdp": dict(reach.rdp),
        "counts": {state: sum(check.state == state for check in checks) for state in STATES},
        "checks": [check.as_event() for check in checks],
        "resources": list(resources),
        "loads": [measured.as_event() for measured in loads],
        "plan": record.plan.model_dump(mode="json"),
    }
    if drill is not None:
        content["drill"] = drill.as_event()
    if patching is not None:
        content["patching"] = patching.as_event()
    if ramp is not None:
        content["ramp"] = ramp.as_event()
    _write(into, content)


def add(into: Path, *, loads: Sequence[LoadResult] = (), drill: DrillDone | None = None) -> None:
    """Add to the evidence in a folder what was measured after it was written, and render its report anew."""
    content = json.loads((into / "evidence.json").read_text(encoding="utf-8"))
    content["loads"] = [*content.get("loads", ()), *(measured.as_event() for measured in loads)]
    if drill is not None:
        content["drill"] = drill.as_event()
    content["ended"] = datetime.now(UTC).isoformat(timespec="seconds")
    _write(into, content)


def _write(into: Path, content: Mapping[str, Any]) -> None:
    from wizard.verify import report

    write_atomically(into / "evidence.json", json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    # As a reader of the file would see it: tuples have become lists.
    report.write(into, json.loads(json.dumps(content)))


def _environment() -> dict[str, Any]:
    libraries = {}
    for name in LIBRARIES:
        try:
            libraries[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {
        "python": platform.python_version(),
        "platform": platform.platform(terse=True),
        "libraries": libraries,
    }
