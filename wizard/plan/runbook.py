"""A plan as an Azure Automation runbook: one Python file with the plan inside, and what is to be known to run it."""

from __future__ import annotations

from importlib.resources import files as assets_of

from wizard.errors import InputError
from wizard.plan import files
from wizard.plan.model import Auth, Plan
from wizard.plan.workload import NONE, PAGE


def export(plan: Plan, version: str) -> dict[str, str]:
    """The texts of the files, by name. InputError for a plan that nobody but a person can deploy."""
    if plan.cloud == "sandbox":
        raise InputError(
            "A plan for the sandbox makes no runbook.",
            "The sandbox is on this computer, and a runbook runs elsewhere.",
            'Set cloud = "public", or another cloud that the worker reaches.',
        )
    if plan.machines.auth is Auth.PASSWORD:
        raise InputError(
            "A plan with password sign-in makes no runbook.",
            "A job has nobody who gives the password, and a runbook holds no secret.",
            'Use auth = "ssh-key".',
        )
    if plan.machines.workload not in (PAGE, NONE):
        raise InputError(
            "A plan with a cloud-init file of one's own makes no runbook.",
            "The file is on this computer, and the runbook is a single file.",
            f'Use workload = "{PAGE}" or "{NONE}".',
        )
    text = files.dumps(plan)
    literal = repr(text) if "'''" in text or "\\" in text else f"'''{text}'''"
    filled = {"@NAME@": plan.name, "@PLAN@": literal, "@VERSION@": version, "@RUNBOOK@": f"deploy-{plan.prefix}"}
    return {
        "runbook.py": _filled("runbook.txt", filled),
        "README.md": _filled("README.txt", filled),
        "requirements.txt": f"multivm-wizard=={version}\n",
    }


def _filled(name: str, values: dict[str, str]) -> str:
    text = assets_of("assets").joinpath("automation", name).read_text(encoding="utf-8")
    for key, value in values.items():
        text = text.replace(key, value)
    return text
