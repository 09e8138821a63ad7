"""Which function answers which question, and how errors are told."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any

from wizard.desk import costs, keyring, known, offers, plans, prospects, who
from wizard.desk.session import Session, Tell
from wizard.errors import AzureError, InputError, WizardError

Answer = Callable[..., Awaitable[Any]]

QUESTIONS: Mapping[str, Answer] = {
    function.__name__: function
    for function in (
        who.clouds,
        who.terms,
        who.sign_in,
        who.subscriptions,
        who.choose,
        who.handover,
        who.my_address,
        offers.groups,
        offers.regions,
        offers.sizes,
        offers.images,
        offers.fault_domains,
        costs.cost,
        costs.size_prices,
        plans.plan_problems,
        plans.blueprint,
        plans.preflight,
        plans.outlook,
        plans.default_plan,
        plans.save_plan,
        plans.load_plan,
        keyring.keys,
        keyring.generate_key,
        keyring.generate_password,
        known.deployments,
        known.status,
        known.forget,
        prospects.scale_outlook,
        prospects.reset_outlook,
    )
}


async def answer(session: Session, tell: Tell, ask: str, arguments: Mapping[str, Any]) -> Any:
    """The answer to one question, as JSON values. WizardError when there is none."""
    function = QUESTIONS.get(ask)
    if function is None:
        raise InputError(f"There is no question {ask!r}.", "", f"Questions are: {', '.join(QUESTIONS)}.")
    try:
        inspect.signature(function).bind(session, tell, **arguments)
    except TypeError as error:  # names arguments, never their values
        raise InputError(f"{ask} cannot be asked like this.", f"{error}.", "See wizard.desk.") from None
    return await function(session, tell, **arguments)


def told(error: WizardError) -> dict[str, Any]:
    """An error as JSON: its kind is the nearest class of `wizard.errors`."""
    kind = next(each.__name__ for each in type(error).__mro__ if each.__module__ == "wizard.errors")
    fields: dict[str, Any] = {"kind": kind, "what": error.what, "why": error.why, "remedy": error.remedy}
    if isinstance(error, AzureError):
        fields |= {"code": error.code, "status": error.status}
    if problems := getattr(error, "problems", None):
        fields["problems"] = [asdict(problem) for problem in problems]
    return fields
