"""Two palettes of our own: one accent, and one colour each for good, busy and bad. Every state has a sign beside it.

Contrast of text on background, by WCAG's formula: 12.9 (dark) and 15.5 (light); of muted text 6.0 and 5.7.
"""

from __future__ import annotations

from textual.theme import Theme

DARK = Theme(
    name="multivm-dark",
    dark=True,
    primary="#6cb6ff",
    secondary="#4d7fb3",
    accent="#6cb6ff",
    foreground="#d7dde4",
    background="#12171d",
    surface="#1b222a",
    panel="#2b343f",
    success="#6bc46d",
    warning="#e0b453",
    error="#f47067",
    variables={
        "text-muted": "#8b98a5",
        "text-success": "#6bc46d",
        "text-warning": "#e0b453",
        "text-error": "#f47067",
        "input-cursor-background": "#d7dde4",
        "input-cursor-foreground": "#12171d",
    },
)
LIGHT = Theme(
    name="multivm-light",
    dark=False,
    primary="#0a5cad",
    secondary="#3f7fbf",
    accent="#0a5cad",
    foreground="#1d242b",
    background="#fbfbf8",
    surface="#eeefe9",
    panel="#cfd3cf",
    success="#1a7032",
    warning="#845400",
    error="#b3241c",
    variables={
        "text-muted": "#5c6670",
        "text-success": "#1a7032",
        "text-warning": "#845400",
        "text-error": "#b3241c",
        "input-cursor-background": "#1d242b",
        "input-cursor-foreground": "#fbfbf8",
    },
)
