"""Long work on a deployment, in a process that outlives whoever started it.

    run = await runs.start("deploy", "ra-multi-vm-rg", {"plan": {...}}, {"password": "..."})
    async for event in run.events():      # what has been first, then what comes; ends when the run has ended
        ...
    run.ended                             # Ended(state, exit_status, what, why, remedy, problems), None while it lives

HOME/runs/NAME/RUN/ keeps run.json (id, kind, name, pid, began_utc, request), events.jsonl and log; none of them holds a
secret. They are beside HOME/deployments, because `destroy` removes a deployment's folder while its run still tells.
A run holds a lock as long as it lives; one run at a time works on a deployment.

Public: `start`, `latest(name)`, `active()`, `load(name, id)`, `history(name)`, `see(run)`, `seen(run)`, and the classes
`Run` and `Ended`.

    await start(kind, name, request, secrets) -> Run    InputError when a run on that deployment is under way
    run.id, .kind, .name, .began_utc, .request, .pid, .folder
    run.alive, run.ended
    run.events(after=0)     async iterator of dicts; `after` is the `n` of the last event seen
    await run.cancel()      as Ctrl-C at the command: what Azure works on goes on there; False when it has ended

Every event is a JSON object with `event`, `n` (1, 2, ...) and `at_utc`, and as the commands print it with `--json`:

    all kinds   began {kind, name, run} first; error {what, why, remedy}, problem {...}; last
                ended {state, exit_status, what, why, remedy, problems}
                  state done: ran to its end (exit_status 1 when what it checked or reset has failures), failed: an
                  error, cancelled: was told to stop (130). A killed process leaves none: Run.ended says state "lost"
    deploy      planned {id, type, name, after, state} for each resource (state as in the desk's `outlook`), resource,
                retry, interrupted, deployed, and what a killed run had left (in all that work on the machines):
                brought_back {vms, since, gone}, still_installing {vms}, back_in_rotation {vms, since}
    verify      brought_back, still_installing, back_in_rotation, check, waiting, verified
    reset       brought_back, still_installing, back_in_rotation, waiting, step, reset
    scale       problem {...}, planned for each resource that is to be written or deleted, brought_back,
                still_installing, back_in_rotation, resource, retry, draining {vm, at, seconds}, deleting, deleted,
                interrupted, scaled {name, from, to, http, ssh, rdp}
    destroy     deleting, deleted, interrupted, destroyed
    load        loading {url, duration_s, vms} once, load_progress {at, requests, errors, rps, p50_ms, p90_ms, p99_ms,
                by_vm, total} twice a second (each tells of the time since the last, `total` of all), load, expectation
    drill       brought_back, still_installing, back_in_rotation, waiting, mark, load_progress, check, drill
    patch       assessed {vm, domain, due, critical_and_security, other, reboot_pending, patches, windows, why} for each
                VM, assessment {name, vms, due_vms, due, failed}; where it installs also waiting,
                patching {vm, domain, state, at, detail} for each step of a VM, domain {domain, vms, number, of, at,
                drained}, vm_patched {vm, domain, at, seconds, status, installed, failed, pending, reboot, why, remedy},
                interrupted, load_progress, patched; fields and states as in wizard.patch.events
    ramp        brought_back, still_installing, back_in_rotation, turn {at, offered_rps, served_rps, requests, errors,
                p99_ms, instances} every few seconds, cpu {at, percent} by the minute, ramp

Requests and secrets. Paths are best absolute; relative ones are the starter's. Each kind also takes
secrets["sign_in"] (the desk's `handover`).

    deploy   {plan, subscription?, generate?, secret_file?}          {password} or {passwords: {vm: ...}}
    verify   {wait_s?, identity?, from_vm?}                          {password} or {passwords}
    reset    {vms?, mode?, user?, generate?, secret_file?, ssh_key?, identity?}     vms left out: all of them
                  mode "password" (or "ssh-key" with ssh_key: the public text)      {password} or {passwords}, new ones;
                                                                     {old_password} or {old_passwords}, to prove
                  "ssh-key" also {replace_keys?}; mode "configuration" {identity?} proves by a key or the old password
                  mode "remove-user" {user, identity?, force?}       {admin_password} of who stays, {old_password}
    scale    {count, drain_s?, generate?, secret_file?}              {password} or {passwords}, for new VMs
    destroy  {remove_lock?}
    load     {url?, duration_s?, connections?, rate?, keep_alive?, workers?, warmup_s?, requests?, timeout_s?,
              expect?: [text]}
    drill    {vm?, update_domain?, fault_domain?, rate?, wait_s?}
    patch    {assess?, classification?, reboot?, minutes?, drain_s?, share?, rate?}
    ramp     {low?, peak?, climb_s?, limit_s?}

`generate` makes a password for each VM and writes them to `secret_file` (0600, never overwritten).
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from wizard.runs import journal
from wizard.runs.run import Ended, Run
from wizard.runs.starting import start

__all__ = ["Ended", "Run", "active", "history", "latest", "load", "see", "seen", "start"]


def history(name: str) -> list[Run]:
    """All runs on a deployment that are kept, the latest first."""
    return [run for folder in reversed(journal.of(journal.folder_of(name))) if (run := _read(folder))]


def latest(name: str) -> Run | None:
    """The last run on a deployment, living or ended; None when there was none."""
    return next(iter(history(name)), None)


def load(name: str, id: str) -> Run | None:
    """The run with that id, or None."""
    return next((run for run in history(name) if run.id == id), None)


def active() -> list[Run]:
    """Every run that is under way."""
    runs = (_read(path) for folder in journal.all_folders() for path in journal.of(folder))
    return [run for run in runs if run is not None and run.alive]


def see(run: object) -> None:
    """Remember, for every wizard, that somebody has seen how a run ended. A recording is kept nowhere."""
    if isinstance(run, Run):
        with contextlib.suppress(OSError):  # the oldest runs go when a new one begins
            (run.folder / journal.SEEN).touch(mode=0o600)


def seen(run: object) -> bool:
    """Whether somebody has seen how it ended."""
    return isinstance(run, Run) and (run.folder / journal.SEEN).exists()


def _read(folder: Path) -> Run | None:
    try:
        return Run.read(folder)
    except (OSError, ValueError, KeyError):
        return None  # being removed, or damaged
