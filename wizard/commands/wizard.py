"""The command without a name: the wizard on a terminal, or a clear word where there is none."""

from __future__ import annotations

import sys
from pathlib import Path

from wizard.errors import InputError, WizardError


def open_wizard(plan_file: Path | None) -> None:
    """Open the wizard, prefilled from `plan_file`; exit status 2 without a terminal or with a plan that is wrong."""
    try:
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise InputError(
                "The wizard needs a terminal.",
                "Standard input or output is not one.",
                "Without a terminal use the commands: multivm-wizard demo, plan, preflight, deploy, status, verify, "
                "load, reset, destroy, sandbox. `multivm-wizard --help` explains them.",
            )
        if plan_file is not None and not plan_file.is_file():
            raise InputError(
                f"There is no plan file {plan_file}.", "", "Make one: multivm-wizard plan new -o plan.toml"
            )
        from screens.app import run

        run(plan_file)
    except WizardError as error:
        from wizard.commands.output import Output, report  # with click, for which the first frame need not wait

        report(error, Output(json=False))
        sys.exit(error.exit_status)
