"""What the wizard remembers from one day to the next: the last answers and the theme. Never a secret.

HOME/wizard.json, 0600. A file that cannot be read counts as none: it is a convenience, not a record.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wizard.home import home, write_atomically

FILE = "wizard.json"


def recall() -> dict[str, Any]:
    """`{"answers": nested plan values, "theme": name}`, each only if it was remembered."""
    try:
        found = json.loads(_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def remember(**parts: Any) -> None:
    """Keep these parts beside those remembered before. A full disk is no reason to end a wizard: it is passed over."""
    try:
        write_atomically(_file(), json.dumps({**recall(), **parts}, indent=1, ensure_ascii=False) + "\n")
    except OSError:
        return


def summary(values: Mapping[str, Any]) -> str:
    """`ra-multi-vm-rg, 3 × Standard_D2s_v5, westeurope`, of nested plan values."""
    machines = values.get("machines")
    machines = machines if isinstance(machines, Mapping) else {}
    size = f"{machines.get('count', '?')} × {machines.get('size', '?')}"
    return ", ".join(str(part) for part in (values.get("name"), size, values.get("location")) if part)


def _file() -> Path:
    return home() / FILE
