"""Patching by update domain: what is due on each VM, and its installation, one domain after another, out of rotation.

`assess` tells what is due and installs nothing; `patch` installs it. Both tell events, see `wizard.patch.events`.
"""

from wizard.patch.assess import assess
from wizard.patch.events import Assessed, Patched
from wizard.patch.walk import patch
from wizard.patch.wanted import Wanted

__all__ = ["Assessed", "Patched", "Wanted", "assess", "patch"]
