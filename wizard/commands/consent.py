"""Asking a person for consent on a terminal: nothing is written or deleted without it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar

import click

T = TypeVar("T")


def can_ask() -> bool:
    """Whether somebody sits at a terminal and would see the question, which goes to standard error."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def agrees(question: str) -> bool:
    """A question with yes or no; no is what Enter means."""
    return _or_interrupted(lambda: click.confirm(question, err=True))


def typed(question: str) -> str:
    """What a person types for an answer."""
    return _or_interrupted(lambda: str(click.prompt(question, default="", show_default=False, err=True))).strip()


def _or_interrupted(ask: Callable[[], T]) -> T:
    try:
        return ask()
    except click.Abort:  # Ctrl-C or the end of the input; click would end with exit status 1
        raise KeyboardInterrupt from None
