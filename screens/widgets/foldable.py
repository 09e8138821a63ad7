"""What opens and folds, for those who only need to know that."""

from __future__ import annotations


class Foldable:
    """What a Head opens and folds, and a Field in it opens when it is gone to."""

    opened = False

    def turn(self, opened: bool) -> None:
        """Open or fold it."""
        raise NotImplementedError
