"""Names the cause of a failed check: the one that can be proved from what Azure and the machine say, and its remedy.

`gather.facts` reads a snapshot of live documents, instance views, probe states and serial logs; everything else is a
pure function of it. A cause that cannot be proved is not named, and what cannot be known (a client's address behind
NAT, the addresses of a service tag) is said to be unknown.
"""

from wizard.verify.explain.cause import Cause
from wizard.verify.explain.checks import EXPLAINED, explain
from wizard.verify.explain.facts import Facts

__all__ = ["EXPLAINED", "Cause", "Facts", "explain"]
