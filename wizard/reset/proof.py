"""What a reset has proved, judged from what SSH servers answered. Pure: every answer is in, every word comes out.

| new login | old credentials                                   | state    |
|-----------|---------------------------------------------------|----------|
| not ok    | any                                               | failed   |
| not tried | any (no private half of the new key)              | unproved |
| ok        | a replaced password is still let in               | failed   |
| ok        | a replaced password was not given, or was wrong   | unproved |
| ok        | a replaced password could not be asked about      | unproved |
| ok        | a key that was to be replaced is still there      | failed   |
| ok        | what authorized_keys holds could not be read      | unproved |
| ok        | a former user keeps a login                       | unproved |
| ok        | all refused, or there was none                    | proved   |
"""

from __future__ import annotations

from dataclasses import dataclass

from wizard.reset.events import Mode, State
from wizard.verify.ssh import LoginResult


@dataclass(frozen=True)
class Findings:
    """Everything that was asked about one VM.

    new           the new credential, after the reset; None when there was nothing to try it with
    old_before    the old password that was given, before the reset; None when none was given
    old_after     the same after it
    had_password  whether this user ever had a password that the reset replaces
    former        other users who were given a login, and are not removed by a reset
    replaced      the new key was to take the place of all others
    key_before    the key that was known before, before the reset; None when none was held, or it did not get in then
    key_after     the same after it
    keys_beside   how many keys stand beside the new one in the user's authorized_keys; None when that is not known
    """

    mode: Mode
    user: str
    new: LoginResult | None
    old_before: LoginResult | None = None
    old_after: LoginResult | None = None
    had_password: bool = False
    former: tuple[str, ...] = ()
    replaced: bool = False
    key_before: LoginResult | None = None
    key_after: LoginResult | None = None
    keys_beside: int | None = None


@dataclass(frozen=True)
class Verdict:
    """See ResetDone for what the fields mean."""

    state: State
    new_login: bool
    old_login_refused: bool | None
    detail: str


def judge(found: Findings) -> Verdict:
    """The verdict of the table above."""
    old_refused, why = _old_keys(found) if found.replaced else _old_password(found)
    if found.new is None and found.replaced and found.key_after is not None and found.key_after.ok:
        return Verdict("failed", False, False, "a key that was to be replaced is still let in")
    if found.new is None:
        untried = "the new key was added, but its private half is not here: name it with --identity to prove the login"
        return Verdict("unproved", False, old_refused, untried)
    if not found.new.ok:
        why = f"Azure reported success, but the new login does not work: {found.new.detail}"
        return Verdict("failed", False, old_refused, why)
    if found.old_after is not None and found.old_after.ok:
        return Verdict("failed", True, False, "the new login works, but the old password is still let in")
    if found.replaced and ((found.key_after is not None and found.key_after.ok) or found.keys_beside):
        more = f"{found.keys_beside} other keys stand beside the new one" if found.keys_beside else "is still let in"
        return Verdict("failed", True, False, f"the new login works, but what was to be replaced is there: {more}")
    reasons = [why] if why else []
    if found.former:
        users = ", ".join(found.former)
        reasons.append(f"the former user {users} was given a login too, which a reset does not take away")
        old_refused = False
    if old_refused is False:
        return Verdict("unproved", True, False, f"the new login works, but {'; and '.join(reasons)}")
    good = "the old password is refused" if old_refused else "there was no old password to refuse"
    if found.replaced:
        good = "its key is the only one there is"
    elif found.mode == "ssh-key":
        good = "adding a key takes no other login away"
    return Verdict("proved", True, old_refused, f"the new login works; {good}")


def _old_password(found: Findings) -> tuple[bool | None, str]:
    """Whether the replaced password is refused, and why it is not known to be. None: there is none to refuse."""
    if found.mode != "password":
        return None, ""
    before, after = found.old_before, found.old_after
    if before is None:
        return (False, "an old password exists that was not given") if found.had_password else (None, "")
    if not before.ok:
        # Its refusal now would prove nothing: it was refused before, or nobody knows.
        if before.outcome == "refused" and not found.had_password:
            return None, ""
        return False, f"the old password that was given did not work before the reset ({before.detail})"
    if after is not None and after.outcome == "refused":
        return True, ""
    return False, f"the old password could not be asked about ({after.detail if after else 'not tried'})"


def _old_keys(found: Findings) -> tuple[bool | None, str]:
    """Whether the keys that were to be replaced are refused, and why it is not known to be."""
    before, after = found.key_before, found.key_after
    if before is not None and before.ok and (after is None or after.outcome != "refused"):
        return False, f"the old key could not be asked about ({after.detail if after else 'not tried'})"
    if found.keys_beside is None:
        return False, "what else is in authorized_keys could not be read"
    return found.keys_beside == 0, ""


@dataclass(frozen=True)
class Removal:
    """Everything that was asked about a user who was removed.

    refused    how many of the removed user's credentials, let in before, are refused now
    let_in     those that are let in still, such as "the password"
    unclear    those that could not be asked about
    gone       whether the VM says that there is no such user; None when nobody could ask it
    stays      the administrator who stays; "" when none is known
    admin      that one's login, after the removal; None when it could not be tried
    """

    user: str
    refused: int = 0
    let_in: tuple[str, ...] = ()
    unclear: tuple[str, ...] = ()
    gone: bool | None = None
    stays: str = ""
    admin: LoginResult | None = None


def judge_removal(found: Removal) -> Verdict:
    """Failed when the user still gets in or is there, or the administrator who stays does not get in any more.

    Proved when that one gets in, and the VM says that the user has gone, or a credential that was let in is refused.
    """
    admin_in = found.admin is not None and found.admin.ok
    if found.let_in:
        ways = " and ".join(found.let_in)
        return Verdict("failed", admin_in, False, f"{found.user} is still let in by {ways}")
    if found.gone is False:
        return Verdict("failed", admin_in, False, f"the VM still has a user {found.user}")
    if found.admin is not None and not found.admin.ok:
        return Verdict("failed", False, None, f"{found.stays} does not get in any more: {found.admin.detail}")
    refused = found.gone is True or (found.refused > 0 and not found.unclear)
    if refused and admin_in:
        how = "there is no such user any more" if found.gone else "what let it in is refused"
        return Verdict("proved", True, True, f"{found.user} was removed: {how}; {found.stays} gets in")
    if refused:
        return Verdict("unproved", False, True, f"{found.user} was removed, and nobody is known to get in")
    doubts = (
        f"could not be asked about: {', '.join(found.unclear)}" if found.unclear else "nothing of it was held to try"
    )
    return Verdict("unproved", admin_in, False, f"{found.user} was removed, as Azure says; {doubts}")
