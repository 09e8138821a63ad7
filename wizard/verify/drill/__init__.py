"""The failover drill: stop a VM while users are at work, watch what they see, and bring it back whatever happens."""

from wizard.verify.drill.drill import drill
from wizard.verify.drill.events import DrillDone
from wizard.verify.drill.rolling import rolling
from wizard.verify.drill.stage import RATE, WAIT_S

__all__ = ["RATE", "WAIT_S", "DrillDone", "drill", "rolling"]
