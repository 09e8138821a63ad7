"""The `$filter` of the Retail Prices API: `eq`, `and`, `or`, `contains`, `startswith`, brackets.

That is what Microsoft's overview of the API shows. Values are compared without regard to case, but from the version
2023-01-01-preview on with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from wizard.sandbox.store import Json

FIELDS = (
    "armRegionName",
    "armSkuName",
    "currencyCode",
    "effectiveStartDate",
    "isPrimaryMeterRegion",
    "location",
    "meterId",
    "meterName",
    "priceType",
    "productId",
    "productName",
    "serviceFamily",
    "serviceId",
    "serviceName",
    "skuId",
    "skuName",
    "unitOfMeasure",
    "type",
)
"""What can be asked for, found without regard to case. `priceType` is what rows call `type`."""

CASE_MATTERS_FROM = "2023-01-01-preview"
DEEPEST = 50
_KEYS = {name.lower(): "type" if name == "priceType" else name for name in FIELDS}
_TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<word>[A-Za-z0-9_.-]+)|(?P<sign>[(),]))")

Test = Callable[[Json], bool]
Token = tuple[str, str]


class FilterError(ValueError):
    """It is no filter."""


def parse(text: str, *, case_matters: bool) -> Test:
    """What tells whether a row is asked for. FilterError when the text is no filter."""
    return _Reader(text, case_matters).whole()


class _Reader:
    def __init__(self, text: str, case_matters: bool) -> None:
        self._tokens = [*_tokens(text)]
        self._at = 0
        self._depth = 0
        self._case: Callable[[str], str] = str if case_matters else str.casefold

    def whole(self) -> Test:
        test = self._any()
        if self._at != len(self._tokens):
            raise FilterError
        return test

    def _any(self) -> Test:
        tests = [self._all()]
        while self._takes("word", "or"):
            tests.append(self._all())
        return tests[0] if len(tests) == 1 else lambda row: any(test(row) for test in tests)

    def _all(self) -> Test:
        tests = [self._one()]
        while self._takes("word", "and"):
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda row: all(test(row) for test in tests)

    def _one(self) -> Test:
        if self._takes("sign", "("):
            self._depth += 1
            if self._depth > DEEPEST:
                raise FilterError
            test = self._any()
            self._depth -= 1
            self._need("sign", ")")
            return test
        word = self._next("word")
        if word.lower() in ("contains", "startswith"):
            return self._function(word.lower())
        field = _field(word)
        self._need("word", "eq")
        kind, value = self._token()
        if kind == "sign":
            raise FilterError
        wanted = self._case(_unquoted(value) if kind == "text" else value)
        return lambda row: self._case(_told(row.get(field))) == wanted

    def _function(self, name: str) -> Test:
        self._need("sign", "(")
        field = _field(self._next("word"))
        self._need("sign", ",")
        wanted = self._case(_unquoted(self._next("text")))
        self._need("sign", ")")
        if name == "contains":
            return lambda row: wanted in self._case(_told(row.get(field)))
        return lambda row: self._case(_told(row.get(field))).startswith(wanted)

    def _token(self) -> Token:
        if self._at >= len(self._tokens):
            raise FilterError
        self._at += 1
        return self._tokens[self._at - 1]

    def _next(self, kind: str) -> str:
        found, text = self._token()
        if found != kind:
            raise FilterError
        return text

    def _need(self, kind: str, text: str) -> None:
        if not self._takes(kind, text):
            raise FilterError

    def _takes(self, kind: str, text: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == (kind, text):
            self._at += 1
            return True
        return False


def _tokens(text: str) -> Iterator[Token]:
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            raise FilterError
        yield str(match.lastgroup), str(match[match.lastgroup or 0])
        at = match.end()


def _field(word: str) -> str:
    try:
        return _KEYS[word.lower()]
    except KeyError:
        raise FilterError from None


def _unquoted(text: str) -> str:
    return text[1:-1].replace("''", "'")


def _told(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value if value is not None else "")
