"""What F1 says on the patch screen."""

from __future__ import annotations

from screens.widgets.field import Help

HELP = {
    "updates": Help(
        "Which updates are installed.",
        "Security takes the critical ones with it; all takes every class that Azure knows of the system.",
        "Security: it is what Azure installs when patching is left to it.",
        "What is left out now is still due the next time.",
    ),
    "reboot": Help(
        "Whether Azure restarts a VM after the installation.",
        "If required, a VM restarts only where an update asks for it.",
        "If required. The VM is out of rotation, so that nobody meets the restart.",
        "With never, an update may wait for a restart that somebody has to order.",
    ),
    "minutes": Help(
        "How long the installation on one VM may take.",
        "Azure takes 10 to 235 minutes, and ends what has not begun by then.",
        "120 are enough for most.",
    ),
    "drain": Help(
        "How long a VM is given, out of rotation, to end what it is answering.",
        "Azure tells nobody how many connections are left on it, so that this is a time.",
        "30 s for pages; longer where people download.",
        "A connection that is kept alive for longer ends with the VM's restart.",
    ),
    "share": Help(
        "How much of the scale set is patched at a time.",
        "0 is one machine after another; never more than half, and never two zones at once.",
        "0, unless there are many machines: the others carry the load meanwhile.",
    ),
    "load": Help(
        "Whether requests are sent meanwhile, each on a new connection, and those that fail are counted.",
        "100 a second, against the deployment's own page.",
        "On, where it is no bother: it shows that no request was lost.",
    ),
}
