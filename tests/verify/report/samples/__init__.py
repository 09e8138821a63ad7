"""Evidence to render: `version-1` and `version-2` are real verifications of two VMs in the sandbox, and `ramp` is a
real ramp of a scale set there; the others were extended by hand.

drill   version 2 with everything that can be in it: two loads, a drill that was survived
failed  checks that failed, warned and were skipped, an expectation that did not hold, a drill that was not survived
twenty  20 VMs and three loads, no drill
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

NAMES = ("version-1", "version-2", "drill", "failed", "twenty", "ramp")


def load(name: str) -> dict[str, Any]:
    evidence: dict[str, Any] = json.loads((Path(__file__).parent / f"{name}.json").read_text(encoding="utf-8"))
    return evidence
