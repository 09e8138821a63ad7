"""What a reset has proved, judged from what SSH servers answered. Pure: every answer is in, every word comes out.

| new login | old credentials                                   | state    |
|-----------|---------------------------------------------------|----------|
| not ok    | any                                               | failed   |
| not tried | any (no private half of the new key)              | unproved |
| ok        | a replaced password is still let in               | failed   |
| ok        | a replaced password was not given, or was wrong   | unproved |
| ok        | a replaced password could not be asked about      | unproved |
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
    """

    mode: Mode
    user: str
    new: LoginResult | None
    old_before: LoginResult | None = None
    old_after: LoginResult | None = None
    had_password: bool = False
    former: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """See ResetDone for what the fields mean."""

    state: State
    new_login: bool
    old_login_refused: bool | None
    detail: str


def judge(found: Findings) -> Verdict:
    """The verdict of the table above."""
    old_refused, why = _old_password(found)
    if found.new is None:
        untried = "the new key was added, but its private half is not here: name it with --identity to prove the login"
        return Verdict("unproved", False, old_refused, untried)
    if not found.new.ok:
        return Verdict("failed", False, old_refused, f"the new login does not work: {found.new.detail}")
    if found.old_after is not None and found.old_after.ok:
        return Verdict("failed", True, False, "the new login works, but the old password is still let in")
    reasons = [why] if why else []
    if found.former:
        users = ", ".join(found.former)
        reasons.append(f"the former user {users} was given a login too, which a reset does not take away")
        old_refused = False
    if old_refused is False:
        return Verdict("unproved", True, False, f"the new login works, but {'; and '.join(reasons)}")
    good = "the old password is refused" if old_refused else "there was no old password to refuse"
    if found.mode == "ssh-key":
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
