"""What a verification leaves on disk: HOME/deployments/NAME/evidence/TIME/evidence.json. It holds no secret.

Everything in it has been an event or a figure before, and no event ever holds a secret.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.home import write_atomically
from wizard.verify.events import CheckDone
from wizard.verify.load import LoadResult

if TYPE_CHECKING:
    from wizard.deploy.record import Record


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
    checks: Sequence[CheckDone],
    measured: LoadResult | None,
    *,
    began: datetime,
    cloud: str,
    http: str,
) -> None:
    """Write evidence.json."""
    from wizard.release import version

    content: dict[str, Any] = {
        "deployment": record.name,
        "cloud": cloud,
        "subscription": record.subscription,
        "began": began.isoformat(timespec="seconds"),
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": version(),
        "http": http,
        "counts": {
            state: sum(check.state == state for check in checks) for state in ("passed", "failed", "warned", "skipped")
        },
        "checks": [check.as_event() for check in checks],
        "load": measured.as_event() if measured is not None else None,
        "plan": record.plan.model_dump(mode="json"),
    }
    write_atomically(into / "evidence.json", json.dumps(content, indent=2, ensure_ascii=False) + "\n")
