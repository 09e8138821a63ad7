"""`reset [NAME]`: reset VMs' credentials, with proof."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wizard.commands import output
from wizard.errors import InputError

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.deploy.events import Event
    from wizard.deploy.record import Record
    from wizard.reset.events import Mode, ResetDone
    from wizard.verify.events import Emit

MODES = ("password", "ssh-key", "configuration", "remove-user")
_SIGNS = {"proved": "✓", "unproved": "!", "failed": "✗"}


@click.command(short_help="Reset VMs' credentials, with proof.")
@click.argument("name", required=False)
@click.option("--vm", "vms", multiple=True, metavar="VM", help="A VM to reset. May be given more than once.")
@click.option("--all", "every", is_flag=True, help="Reset all VMs of the deployment.")
@click.option("--mode", type=click.Choice(MODES), default="password", show_default=True)
@click.option(
    "--user",
    metavar="U",
    help="The user to reset; made, with sudo, when missing. Left out: the administrator. With remove-user: who goes.",
)
@click.option(
    "--old-password-stdin",
    is_flag=True,
    help="Read the VMs' present password, as the first line of standard input, to prove that it is refused afterwards "
    "(configuration: that it is let in).",
)
@click.option(
    "--old-secret-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Take each VM's present password from a file that --generate-password wrote, for the same proof.",
)
@click.option(
    "--password-stdin",
    is_flag=True,
    help="Read the new password for all VMs from standard input, one line "
    "(remove-user: the one of the administrator who stays).",
)
@click.option("--generate-password", is_flag=True, help="Make a password for each VM; needs --secret-file.")
@click.option(
    "--secret-file",
    type=click.Path(path_type=Path),
    metavar="OUT",
    help="Where the generated passwords are written (mode 0600, never overwritten) before anything is sent.",
)
@click.option("--ssh-key", type=click.Path(path_type=Path), metavar="FILE.pub", help="The public key to add.")
@click.option("--replace-keys", is_flag=True, help="Take all other keys of the user away (with --mode ssh-key).")
@click.option(
    "--identity",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The private key that proves the login: the new key's (left out: FILE.pub without .pub, or ours), or that of "
    "the administrator who stays.",
)
@click.option("--force", is_flag=True, help="Remove a user even where nobody is known to get in afterwards.")
@output.json_option
@output.guarded
def command(
    *,
    name: str | None,
    vms: tuple[str, ...],
    every: bool,
    mode: Mode,
    user: str | None,
    old_password_stdin: bool,
    old_secret_file: Path | None,
    password_stdin: bool,
    generate_password: bool,
    secret_file: Path | None,
    ssh_key: Path | None,
    replace_keys: bool,
    identity: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Reset logins on VMs of the deployment NAME (left out: the one last worked on), and prove it.

    \b
    password        a new password, for the administrator or another user
    ssh-key         one more key, or with --replace-keys one in place of all others
    configuration   sshd's configuration as the image had it, for a VM that lets nobody in
    remove-user     a user who is to sign in no more, such as the former administrator

    Azure's word is not enough: the new login is tried over SSH (a Windows VM's by Remote Desktop, where password and
    configuration are what there is), the old password must be refused, and what else still gets in is told. Exit
    status 1 when a VM's reset failed; a reset that works but could not be proved is said aloud.
    """
    from wizard.deploy import record, secrets
    from wizard.reset import credentials
    from wizard.reset.warnings import warnings

    out = output.Output(as_json)
    if old_password_stdin and old_secret_file is not None:
        raise InputError("--old-password-stdin and --old-secret-file exclude each other.", "", "Use one of them.")
    given = Given(
        mode, old_password_stdin or old_secret_file is not None, password_stdin, generate_password, replace_keys, force
    )
    _check_options(given, user=user, secret_file=secret_file, ssh_key=ssh_key, identity=identity)
    known = record.load(name)
    chosen = _chosen(known, vms, every)
    if secret_file is not None:
        secrets.refuse_existing(secret_file)
    old: Mapping[str, SecretStr] | SecretStr | None = _line("old password") if old_password_stdin else None
    if old_secret_file is not None:
        old = secrets.read_secret_file(old_secret_file)
    admin_password = _line("password") if mode == "remove-user" and password_stdin else None
    new: Mapping[str, SecretStr] | str | None = None
    if ssh_key is not None:
        new, identity = _public_key(ssh_key), identity or _private_half(ssh_key)
    elif mode == "password":
        new = _new_passwords(known, chosen, password_stdin)
    credentials.check(known, chosen, mode=mode, user=user, new=new, old=old)
    if secret_file is not None and isinstance(new, Mapping):
        users = {vm: user or credentials.administrator(known, vm) for vm in chosen}
        secrets.write_secret_file(secret_file, users, new)
        out.say(f"The new passwords are in {secret_file}; each holds from the moment its VM's reset has worked.")
    for warning in warnings(known, chosen, mode, user, replace_keys=replace_keys):
        out.say(f"! {warning}")
    record.remember_last(known.name)
    from wizard.runs import foreground

    with foreground.holding("reset", known.name):
        results = output.run(
            _reset(
                known,
                chosen,
                mode=mode,
                user=user,
                new=new,
                old=old,
                identity=identity,
                replace_keys=replace_keys,
                admin_password=admin_password,
                force=force,
                emit=teller(out),
            )
        )
    _sum_up(results, out)
    if any(result.state == "failed" for result in results):
        sys.exit(1)


async def _reset(known: Record, vms: Sequence[str], **options: Any) -> list[ResetDone]:
    from wizard.deploy import journey
    from wizard.reset import reset

    async with journey.open_cloud(known.plan.cloud, known.subscription) as azure:
        return await reset(known, azure, vms, **options)


@dataclass(frozen=True)
class Given:
    """The options that are flags, and the mode they are judged by."""

    mode: Mode
    old_password: bool
    password: bool
    generate: bool
    replace_keys: bool
    force: bool


def _check_options(
    given: Given, *, user: str | None, secret_file: Path | None, ssh_key: Path | None, identity: Path | None
) -> None:
    """InputError when the options do not fit each other: judged before anything is read or asked."""
    if given.password and given.generate:
        raise InputError("--password-stdin and --generate-password exclude each other.", "", "Use one of them.")
    if given.generate != (secret_file is not None):
        raise InputError(
            "--generate-password and --secret-file belong together.",
            "A password that is written nowhere is lost.",
            "Use both: --generate-password --secret-file OUT.",
        )
    if given.replace_keys and given.mode != "ssh-key":
        raise InputError("--replace-keys belongs to --mode ssh-key.", "", "Add --mode ssh-key, or leave it out.")
    if given.force and given.mode != "remove-user":
        raise InputError("--force belongs to --mode remove-user.", "", "Leave it out.")
    if ssh_key is not None and given.mode != "ssh-key":
        raise InputError("--ssh-key belongs to --mode ssh-key.", "", "Add --mode ssh-key, or leave it out.")
    _BY_MODE[given.mode](given, user, ssh_key, identity)


def _check_password(given: Given, user: str | None, ssh_key: Path | None, identity: Path | None) -> None:
    if identity is not None:
        raise InputError("--identity proves the login of a key.", "", "Leave it out, or choose another --mode.")
    if not (given.password or given.generate):
        raise InputError(
            "There is no new password.", "", "Give --password-stdin, or --generate-password --secret-file OUT."
        )


def _check_key(given: Given, user: str | None, ssh_key: Path | None, identity: Path | None) -> None:
    if ssh_key is None:
        raise InputError("There is no key to add.", "", "Name it: --ssh-key FILE.pub")
    if given.old_password or given.password or given.generate:
        raise InputError(
            "A key takes no password away.",
            "Password options belong to --mode password.",
            "Leave them out, or reset the password in a run of its own.",
        )


def _check_configuration(given: Given, user: str | None, ssh_key: Path | None, identity: Path | None) -> None:
    if given.password or given.generate:
        raise InputError(
            "The configuration has no password.",
            "The login that is there is what proves it: --old-password-stdin, or --identity.",
            "Leave the new password out, or reset it in a run of its own.",
        )
    if given.old_password and identity is not None:
        raise InputError("--old-password-stdin and --identity exclude each other.", "", "One login is the proof.")


def _check_removal(given: Given, user: str | None, ssh_key: Path | None, identity: Path | None) -> None:
    if user is None:
        raise InputError("Nobody was named to be removed.", "", "Name the user: --user U")
    if given.generate:
        raise InputError("Nobody gets a new password here.", "", "Leave --generate-password out.")


_BY_MODE = {
    "password": _check_password,
    "ssh-key": _check_key,
    "configuration": _check_configuration,
    "remove-user": _check_removal,
}


async def _there(known: Record) -> tuple[str, ...]:
    from wizard.deploy import journey, members

    async with journey.open_cloud(known.plan.cloud, known.subscription) as azure:
        return await members.vm_names(known, azure)


def _chosen(known: Record, vms: Sequence[str], every: bool) -> tuple[str, ...]:
    if every and vms:
        raise InputError("--vm and --all exclude each other.", "", "Name some VMs, or take all of them.")
    if every:
        return known.plan.vm_names or output.run(_there(known))
    if not vms:
        raise InputError(
            "No VM was named.",
            f"{known.name} has {', '.join(known.plan.vm_names or output.run(_there(known)))}.",
            "Name some with --vm, or take --all.",
        )
    return tuple(dict.fromkeys(vms))


def _new_passwords(known: Record, vms: Sequence[str], from_stdin: bool) -> Mapping[str, SecretStr]:
    from wizard.reset import passwords

    if from_stdin:
        return dict.fromkeys(vms, _line("new password"))
    return {vm: passwords.generate(known.plan.machines.os) for vm in vms}


def _line(what: str) -> SecretStr:
    from pydantic import SecretStr

    return SecretStr(output.read_line_from_stdin(what))


def _public_key(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The public key {path} cannot be read.", f"{error}.", "Name a .pub file.") from None


def _private_half(public: Path) -> Path | None:
    """`id_ed25519` beside `id_ed25519.pub`, as ssh-keygen leaves them."""
    private = public.with_suffix("")
    return private if public.suffix == ".pub" and private.is_file() else None


def teller(out: output.Output) -> Emit:
    """What to hand to `reset`: results are data, steps are narration."""
    from wizard.commands import progress
    from wizard.reset.events import ResetDone, ResetStep

    def tell(event: Event) -> None:
        if (line := progress.put_right(event)) is not None:
            (out.data(event.as_event()) if out.json else out.say(line))
        match event:
            case ResetStep():
                out.say(f"… {event.vm}: {event.detail}")
            case ResetDone():
                lines = [f"{_SIGNS[event.state]} {event.vm}: {event.state}. {event.user}: {event.detail}"]
                if event.other_logins:
                    lines.append(f"    still lets in: {', '.join(event.other_logins)}")
                if event.remedy:
                    lines.append(f"    {event.remedy}")
                out.data(event.as_event(), "\n".join(lines))

    return tell


def _sum_up(results: Sequence[ResetDone], out: output.Output) -> None:
    counts = {state: sum(result.state == state for result in results) for state in _SIGNS}
    out.say(", ".join(f"{count} {state}" for state, count in counts.items() if count))
    if counts["unproved"]:
        out.say("! Unproved: the new login works where it says so, but an old one may still get in.")
