"""The failover drill: stop a VM while users are at work, watch what they see, and bring it back whatever happens."""

from wizard.verify.drill.drill import RATE, WAIT_S, drill
from wizard.verify.drill.events import DrillDone

__all__ = ["RATE", "WAIT_S", "DrillDone", "drill"]
