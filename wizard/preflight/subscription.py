"""The subscription is there for this sign-in, and can be written to."""

from __future__ import annotations

from wizard.errors import AzureError, Problem
from wizard.preflight.facts import Facts

WRITABLE = ("Enabled", "Active")


async def check(facts: Facts) -> list[Problem]:
    """An error when the subscription is not visible or not enabled."""
    azure = facts.azure
    try:
        found = await azure.ask(azure.subscriptions.subscriptions.get(azure.subscription_id))
    except AzureError as error:
        if error.status not in {403, 404}:
            raise
        return [
            Problem(
                "",
                f"The subscription {azure.subscription_id} is not visible to this sign-in.",
                error.why,
                "Choose another with AZURE_SUBSCRIPTION_ID, or sign in to its tenant: az login --tenant TENANT.",
            )
        ]
    state = str(found.as_dict().get("state") or "Enabled")
    if state in WRITABLE:
        return []
    return [
        Problem(
            "",
            f"The subscription {found.display_name or azure.subscription_id} is {state}.",
            "Azure takes no writes in it.",
            "Ask its owner to enable it (Cost Management), or choose another with AZURE_SUBSCRIPTION_ID.",
        )
    ]
