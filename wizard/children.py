"""How a child process of ours is started: with this interpreter and this package, whatever the current folder holds."""

from __future__ import annotations

import os
import site
import sys
from pathlib import Path


def command(module: str, *arguments: str) -> list[str]:
    """What runs one of our modules. `-P`: a folder `wizard` that happens to be where a person works is not it."""
    return [sys.executable, "-P", "-m", module, *arguments]


def environment() -> dict[str, str]:
    """This process's environment, in which the package is found even where it is not installed."""
    known = dict(os.environ)
    package = str(Path(__file__).resolve().parents[1])
    if package not in {*site.getsitepackages(), site.getusersitepackages()}:
        known["PYTHONPATH"] = os.pathsep.join(filter(None, (package, known.get("PYTHONPATH"))))
    return known
