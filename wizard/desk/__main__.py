"""`python -m wizard.desk`: started by the wizard's screens."""

from __future__ import annotations

from wizard.desk.process import main

if __name__ == "__main__":
    main()
