"""Where a command's text comes from and goes to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Input(Protocol):
    """Standard input: a pipe's text, a file, or a person at an SSH session."""

    async def read(self) -> str:
        """All that is left."""
        ...

    async def readline(self) -> str:
        """The next line with its end; "" when there is none."""
        ...


class TextInput:
    """Input that is known beforehand."""

    def __init__(self, text: str = "") -> None:
        self._text = text

    async def read(self) -> str:
        text, self._text = self._text, ""
        return text

    async def readline(self) -> str:
        line, end, rest = self._text.partition("\n")
        self._text = rest
        return line + end


Output = Callable[[str], None]


class Capture:
    """Output that is kept."""

    def __init__(self) -> None:
        self.pieces: list[str] = []

    def __call__(self, text: str) -> None:
        self.pieces.append(text)

    @property
    def text(self) -> str:
        return "".join(self.pieces)


def nowhere(text: str) -> None:
    """/dev/null"""
