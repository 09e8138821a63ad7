"""`python -m wizard.sandbox`: the sandbox in the foreground, until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from wizard.errors import WizardError
from wizard.sandbox.control import DEFAULT_SPEED


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m wizard.sandbox", description=__doc__)
    parser.add_argument("--speed", type=float, default=DEFAULT_SPEED, help="what ARM's durations are divided by")
    parser.add_argument("--faults", type=Path, help="a file of faults that stand from the start")
    arguments = parser.parse_args()
    from wizard.sandbox.process import run

    try:
        faults = arguments.faults.read_text(encoding="utf-8") if arguments.faults else ""
        asyncio.run(run(arguments.speed, faults))
    except WizardError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main())
