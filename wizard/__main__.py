"""The command `multivm-wizard`. Imports nothing heavy: `--version` must answer about as fast as Python starts."""

from __future__ import annotations

import sys


def main() -> None:
    if sys.argv[1:] == ["--version"]:
        from wizard.release import version

        sys.stdout.write(f"multivm-wizard {version()}\n")
        return
    from wizard import coredumps

    coredumps.forbid()
    if not sys.argv[1:]:
        from wizard.commands.wizard import open_wizard

        open_wizard(None)
        return
    from wizard.commands.cli import main as commands

    commands(prog_name="multivm-wizard")


if __name__ == "__main__":
    main()
