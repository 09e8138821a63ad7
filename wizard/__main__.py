"""The command `multivm-wizard`. Imports nothing heavy: `--version` must answer about as fast as Python starts."""

from __future__ import annotations

import sys


def version() -> str:
    """The installed version, as the package's metadata has it."""
    from importlib.metadata import version as installed

    return installed("multivm-wizard")


def main() -> None:
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"multivm-wizard {version()}\n")
        return
    from wizard.commands.cli import main as commands

    commands(prog_name="multivm-wizard")


if __name__ == "__main__":
    main()
