"""Whether a deployment got through planned maintenance as it promised: a pure judgement over what was measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from wizard.verify.drill.verdict import SLACK_S, Probe, answers, phase, since
from wizard.verify.load.series import Snapshot


@dataclass(frozen=True)
class Round:
    """The restart of one domain, in seconds since the load began; None: never seen.

    gone      the last good answer before its VMs were seen out of rotation
    detected  all of them were seen out of rotation
    back      all of them answer again, and their probes are up
    """

    domain: str
    vms: Sequence[str]
    ordered: float
    gone: float | None
    detected: float | None
    back: float | None
    ended: float
    lost: Sequence[str] = ()  # of `vms`, those that somebody deleted meanwhile

    @property
    def missing(self) -> list[str]:
        """The VMs that were to come back and did not."""
        return [vm for vm in self.vms if vm not in self.lost] if self.back is None else []

    @property
    def over(self) -> float:
        return self.back if self.back is not None else self.ended


def promise(probe: Probe) -> str:
    """What the deployment promises, in words."""
    return (
        "Planned maintenance restarts one domain after another: at least one VM keeps answering all the time; a part "
        f"of new requests fails for about {probe.expected_s:g} s after a domain went down, {probe.latest_s:g} s at the "
        "latest; and each domain is back in rotation before the next one goes."
    )


def broken(
    rounds: Sequence[Round],
    probe: Probe,
    failed_at: Mapping[float, int],
    *,
    snapshots: Sequence[Snapshot],
    vms: Sequence[str],
    planned: int,
) -> list[str]:
    """What broke the promise, a sentence each; empty when it held.

    `failed_at` is how many requests failed, by when they were due; `planned` how many domains were to be restarted.
    """
    found: list[str] = []
    if before := sum(count for at, count in failed_at.items() if at < rounds[0].ordered - SLACK_S):
        found.append(f"{before} requests failed before anything was restarted.")
    for each, failed in zip(rounds, _failed(rounds, failed_at), strict=True):
        found += _alone(each, vms, answers(snapshots, each.ordered, each.over))
        found += _late(each, probe, failed)
        if each.missing:
            found.append(f"{', '.join(each.missing)} did not come back into rotation.")
    if len(rounds) < planned:
        found.append(f"{planned - len(rounds)} of {planned} domains were not restarted any more.")
    return found


def _alone(each: Round, vms: Sequence[str], heard: Mapping[str, int]) -> Iterable[str]:
    """Whether another VM was left, and answered."""
    others = [vm for vm in vms if vm not in each.vms]
    if not others:
        yield f"{_capital(each.domain)} holds all VMs ({len(vms)}): none was left while it was restarted."
    elif not any(heard.get(vm) for vm in others):
        yield f"No other VM answered while {each.domain} was restarted."


def _late(each: Round, probe: Probe, failed: Mapping[float, int]) -> Iterable[str]:
    """Failures, and a detection, that came later than the probe's interval and threshold allow."""
    if failed:
        # Without a moment at which it was seen to go, it went when the first request failed.
        went = each.gone if each.gone is not None else min(failed)
        settled = went + probe.latest_s
        if each.detected is not None:
            settled = min(settled, each.detected + SLACK_S)
        if late := [at for at in failed if at > settled]:
            yield (
                f"{_capital(each.domain)}: {sum(failed[at] for at in late)} requests failed when it should have been "
                f"out of rotation, the last {max(late) - went:.1f} s after it went."
            )
    if each.gone is not None and each.detected is not None and each.detected > each.gone + probe.latest_s:
        late_s = each.detected - each.gone
        yield f"{_capital(each.domain)} was taken out after {late_s:.1f} s, later than {probe.latest_s:g} s."


def told(
    rounds: Sequence[Round], snapshots: Sequence[Snapshot], failed_at: Mapping[float, int]
) -> list[dict[str, Any]]:
    """The rounds as events and evidence have them."""
    return [
        {
            "domain": each.domain,
            "vms": list(each.vms),
            "at": round(each.ordered, 2),
            "detected_s": since(each.gone, each.detected),
            "back_in_rotation_s": since(each.ordered, each.back),
            "requests": phase(snapshots, each.ordered, each.ended).requests,
            "failed": sum(failed.values()),
            "failing_for_s": round(max(failed) - min(failed), 2) if failed else 0.0,
        }
        for each, failed in zip(rounds, _failed(rounds, failed_at), strict=True)
    ]


def longest(figures: Iterable[float | None]) -> float | None:
    """The largest of what was seen; None when nothing was."""
    return max((figure for figure in figures if figure is not None), default=None)


def _failed(rounds: Sequence[Round], failed_at: Mapping[float, int]) -> list[dict[float, int]]:
    """By round, when requests that failed were due: from its order (a request under way then may end) to the next's."""
    bounds = [each.ordered - SLACK_S for each in rounds] + [float("inf")]
    return [{at: count for at, count in failed_at.items() if start <= at < end} for start, end in pairwise(bounds)]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
