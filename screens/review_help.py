"""What Review's fields tell of themselves."""

from __future__ import annotations

from screens.widgets.field import Help

FILE = Help(
    "Where the plan is saved, as a TOML file: everything that was answered, and no secret.",
    "A file that is there already is not overwritten before you say so.",
    "Save it: `multivm-wizard deploy FILE` does the same again, and it can be kept beside your code.",
    "The deployment does not need the file: it keeps a copy of its plan.",
)
CONSENT = Help(
    "That you have seen what will be created and agree to the terms. Nothing is preset here.",
    "Without it there is no Create.",
    "Read what will be created and who can reach it before.",
    "Everything can be removed again: the deployment's home has Destroy, and `multivm-wizard destroy` does the same.",
)
