"""Where to begin and in which cloud: a new deployment, the last answers, a known deployment, or a plan file."""

from __future__ import annotations

from collections.abc import Iterable

from textual.widget import Widget

from screens.step import Step
from screens.widgets.choice import Choice, RadioRow
from screens.widgets.field import Field, Help

CLOUDS = (
    Choice("sandbox", "sandbox"),
    Choice("public", "public"),
    Choice("usgov", "US Government"),
    Choice("china", "China"),
)
CLOUD_HELP = Help(
    "Which Azure. The sandbox is a local Azure on this computer: its machines answer HTTP and SSH, nothing leaves it.",
    "Every other cloud needs a subscription and a sign-in.",
    "The sandbox first: the same steps, no account, no cost.",
    "The same plan can be deployed to another cloud by changing this one answer.",
)


class StartStep(Step):
    """The first screen."""

    step_id = "start"
    lead = "Several VMs behind a load balancer, deployed and proved. Where do they go?"

    def body(self) -> Iterable[Widget]:
        yield Field("cloud", "Cloud", RadioRow(CLOUDS), help=CLOUD_HELP)


STEP = StartStep
