"""What the fields of Storage mean."""

from __future__ import annotations

from screens.widgets.field import Help

DISK = Help(
    "The kind of managed disk that each machine starts from.",
    "Premium needs a size that takes it (an s in its name). ZRS is copied over three zones, where the region has "
    "them. Standard_LRS, the hard disk, retires for OS disks on 2028-09-08.",
    "Premium_LRS: a steady rate, and what the promise for a single machine (99.9 %) asks for. StandardSSD_LRS is "
    "enough for a page that is hardly written.",
    "The kind can be changed while the machine is stopped.",
)
DISK_SIZE = Help(
    "How large the OS disk is. 0 leaves it as large as the image: 30 GB for Linux, 127 for Windows, as a rule.",
    "Up to 4,095 GB, and not smaller than the image.",
    "0. Data belongs on a disk of its own; a larger Premium disk is also a faster one.",
    "It can grow, not shrink.",
)
CACHING = Help(
    "What the host keeps of the OS disk: what was read, and what was written too, or nothing.",
    "Any of the three for an OS disk.",
    "Read and write, as Azure itself does it: it boots faster.",
    "It can be changed; the disk stops for a moment.",
)
DATA = Help(
    "Further disks of each machine, all machines alike: empty at first. Enter adds or edits one, F8 takes one out.",
    "The size decides how many (4 for two cores, as a rule). A disk's rate grows with its size: 500 operations a second"
    " at 128 GB Premium, 5,000 at 1 TB. Azure names no mount point: format it yourself, or with cloud-init.",
    "None for a page. Otherwise one for what must not share the system's rate, without a cache for data that is "
    "written much.",
    "Disks can be added later, and grow; they are deleted with their machine.",
)
SIZE = Help(
    "How large it is.",
    "1 to 32,767 GB. Azure bills the next larger step: 128, 256, 512, 1,024, ...",
    "One of the steps.",
    "It can grow, not shrink.",
)
KIND = Help(
    "What it is made of.",
    "Premium needs a size that takes it (an s in its name); ZRS a region with zones.",
    "Premium_LRS where its rate matters, StandardSSD_LRS where not.",
    "It can be changed while the machine is stopped.",
)
KEPT = Help(
    "What the host keeps of it: nothing, what was read, or what was written too.",
    "Up to 4,095 GB; above, nothing can be kept.",
    "Nothing for logs and databases, reads for what is mostly read. Kept writes are lost with the host.",
    "It can be changed; the disk stops for a moment.",
)
LAYOUT = Help(
    "Where disks live: managed by Azure, or as VHD files in a storage account for each machine, as the architecture of "
    "2016 asked: an account does 20,000 operations a second, which 40 VHDs of 500 use up. So it advised 40 VMs an "
    "account at most, and 20 in a scale set that overprovisions, as that makes more than asked for a while.",
    "Retired on Azure on 2026-03-31, and refused there. Azure Stack Hub and the sandbox still have it: with an account "
    "for each machine, the advice is kept by itself.",
    "Managed disks: Azure places them apart from each other and needs no account at all, so that the advice is void.",
    "A machine keeps its kind; Azure can convert a stopped one to managed disks, never back.",
)
BOOT = Help(
    "Keeps the serial log and a picture of the console, for the day a machine does not start.",
    "In storage that Azure manages, or in the account below.",
    "On: without it, a machine that does not boot tells nothing. Host keys are read from it too.",
    "It can be turned on and off at any time; what was not kept is not there.",
)
ACCOUNT = Help(
    "A storage account of this deployment's own for what is kept: boot logs, and the balancer's events and figures.",
    "One for all machines, StorageV2, TLS 1.2, nothing public; never Premium or ZRS. Its name is made from the "
    "deployment's, unique in the world.",
    "Off: boot logs go to storage that Azure manages. On where logs must lie with you, for as long as you want.",
    "It can be added later. It is removed with the deployment.",
)
EVENTS = Help(
    "Keep what the balancer says of its health: a machine's path is down, no machine is healthy, SNAT ports run out.",
    "The log category LoadBalancerHealthEvent; it goes to the account above, to a workspace, or both.",
    "On as soon as somebody looks at it: it took the place of the probe logs of 2016.",
    "It can be turned on and off at any time.",
)
METRICS = Help(
    "Keep the balancer's figures (probe state, data path, bytes, SNAT ports) beyond the 93 days that Azure does.",
    "They go to the account above, to a workspace, or both.",
    "Off: 93 days are enough for most.",
    "It can be turned on and off at any time.",
)
GUESTS = Help(
    "Let an agent in each machine tell its CPU, memory, free disk and network once a minute.",
    "The Azure Monitor agent, told what to count by a data collection rule. It needs the workspace below, in the same "
    "region, and a way out; it signs in with an identity of its own.",
    "On where somebody looks at memory and disks: Azure itself sees a machine from outside, its CPU and bytes.",
    "It can be turned on at any time, but not for a scale set that is there. The workspace bills by the gigabyte.",
)
WORKSPACE = Help(
    "A Log Analytics workspace that events and figures go to as well, by its id.",
    "/subscriptions/…/resourceGroups/…/providers/Microsoft.OperationalInsights/workspaces/…; or new: then one is made "
    "in the resource group, and goes with it. Azure keeps a deleted one for 14 days.",
    "The one your other logs are in; empty for none.",
    "It can be changed at any time.",
)
LOCK = Help(
    "A lock on what is made: nothing in it can be deleted by mistake.",
    "Deleting is refused for everybody until the lock is taken off; only owners can do that. Changes go on.",
    "On for what others depend on. Destroy takes our own lock off first.",
    "It can be put on and taken off at any time.",
)
PATCHING = Help(
    "Who installs the system's updates.",
    "By Azure: critical and security updates, within 30 days of their release, one update domain after the other, only "
    "for images that it knows. By the image: as it is set up itself.",
    "By Azure: never all machines at once.",
    "It can be changed at any time.",
)
KEEP = Help(
    "What becomes of a machine's disks when it is deleted.",
    "Each disk says so itself (deleteOption). Disks that are kept are billed until they are deleted; destroy does it.",
    "Deleted with it: machines behind a balancer keep nothing that matters.",
    "It can be changed at any time.",
)
TAGS = Help(
    "Names and values on every resource, to find them again and to tell whose they are and who pays.",
    "At most 49 beside our own (multivm-wizard, the deployment's name). Names up to 512 characters without < > % & \\ "
    "? /, not beginning with microsoft, azure or windows; values up to 256. Names do not differ by case.",
    "owner and purpose at least, such as owner=you@example.org.",
    "They can be changed at any time. Costs are told by tag only from then on.",
)
