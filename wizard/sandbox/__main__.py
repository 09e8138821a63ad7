"""`python -m wizard.sandbox`: the sandbox in the foreground, until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import sys

from wizard.errors import WizardError
from wizard.sandbox.control import DEFAULT_SPEED


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m wizard.sandbox", description=__doc__)
    parser.add_argument("--speed", type=float, default=DEFAULT_SPEED, help="what ARM's durations are divided by")
    arguments = parser.parse_args()
    from wizard.sandbox.process import run

    try:
        asyncio.run(run(arguments.speed))
    except WizardError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main())
