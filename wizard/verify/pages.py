"""Whether every machine's page was met, and what was met instead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wizard.verify import balance
from wizard.verify.events import CheckDone, CheckState
from wizard.verify.machines import Machine


def judge(pages: balance.Pages, machines: Sequence[Machine], *, named: bool) -> Iterator[CheckDone]:
    """http.page of each machine. `named`: the pages tell which machine they are of."""
    others = ", ".join(f"{count} answers with {status}" for status, count in pages.statuses.items() if status != 200)
    for machine in machines:
        if count := pages.by_vm[machine.page_name]:
            detail = f"200 with {balance.HEADER} after {_times(pages.requests)}"
            # Other statuses cannot be laid at a VM's door: a 503 may come without its name.
            state: CheckState = "warned" if others else "passed"
            yield CheckDone(
                "http.page", machine.name, state, f"{detail}, {count} from this VM" + (f"; {others}" if others else "")
            )
        elif not named and pages.unnamed:
            yield CheckDone(
                "http.page",
                machine.name,
                "skipped",
                f"pages answer 200, but without {balance.HEADER}: by which VM is not known",
            )
        else:
            yield CheckDone("http.page", machine.name, "failed", f"never answered: {why_none(pages)}")


def why_none(pages: balance.Pages) -> str:
    """What came instead of a page."""
    parts = [f"{count} from {vm}" for vm, count in pages.by_vm.items()]
    parts += [f"{count} with {status}" for status, count in pages.statuses.items() if status != 200]
    parts += [f"{count} without {balance.HEADER}"] if (count := pages.unnamed) else []
    parts += [f"{count} {kind}" for kind, count in pages.errors.items()]
    return f"of {_times(pages.requests)}: {', '.join(parts) or 'nothing'}"


def _times(number: int) -> str:
    return "1 new connection" if number == 1 else f"{number} new connections"
