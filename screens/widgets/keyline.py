"""The last line: the keys that do something now. One widget, where Textual's footer has one for each key."""

from __future__ import annotations

from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static


class KeyLine(Static):
    """Follows the screen's active bindings."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("", id=id, markup=False)

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._tell)
        self.call_after_refresh(self._tell, self.screen)

    def _tell(self, screen: Screen[object]) -> None:
        if not self.is_attached or not self.app.screen_stack:  # between two screens nothing is on the stack
            return
        seen: set[str] = set()
        parts: list[Content] = []
        for _node, binding, enabled, _tooltip in screen.active_bindings.values():
            if not binding.show or not enabled or binding.action in seen:
                continue
            seen.add(binding.action)
            parts.append(_key(self.app.get_key_display(binding), binding.description))
        parts.insert(-1, _key("^P", "Commands"))  # Textual's own binding, which it does not show
        self.update(Content("").join(parts))


def _key(key: str, words: str) -> Content:
    return Content.assemble((f" {key}", "$primary bold"), (f" {words} ", "$text-muted"))
