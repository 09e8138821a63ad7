"""`python -m wizard.runs`: started by `wizard.runs.start` and by nobody else."""

from __future__ import annotations

import sys

from wizard.runs.process import main

if __name__ == "__main__":
    main(sys.argv[1:])
