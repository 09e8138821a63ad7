"""The query service: `/v1/workspaces/{customerId}/query`, at ARM's address and with ARM's tokens.

Of the query language it knows a table, how far back, and what a column begins with, in any case:
`TABLE | where TimeGenerated > ago(1h) | where _ResourceId startswith "/subscriptions/..."`. Whatever else is asked is
refused as the service refuses what it cannot read, so that no answer is ever for another question.

Source: Microsoft, "Azure Monitor Log Analytics API request format", "... response format", "... errors".
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator

from wizard.sandbox.arm.insights.autoscale import minutes
from wizard.sandbox.arm.kind import Call, Reply
from wizard.sandbox.arm.operationalinsights import workspaces
from wizard.sandbox.arm.operationalinsights.tables import TABLES
from wizard.sandbox.store import Json

_QUERY = re.compile(
    r"\s*(\w+)\s*"
    r"(?:\|\s*where\s+TimeGenerated\s*(?:>=?)\s*ago\(\s*(\d+)\s*([smhd])\s*\)\s*)?"
    r"(?:\|\s*where\s+(\w+)\s+startswith\s+(?:\"([^\"\\\\]*)\"|'([^'\\\\]*)')\s*)?;?\s*"
)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
Moment = datetime.datetime


class _RefusedError(Exception):
    """The inner error's code, and why."""


def is_ours(segments: tuple[str, ...]) -> bool:
    return [part.lower() for part in segments[:2]] == ["v1", "workspaces"]


def answer(call: Call, segments: tuple[str, ...]) -> Reply:
    """A query and its answer. `segments` begin with `v1`; who asks has shown a token."""
    call.type = f"{workspaces.WORKSPACE}/query"
    if len(segments) != 4 or segments[3].lower() != "query":
        return _refusal(404, "PathNotFoundError", "The requested path does not exist")
    if call.method not in ("GET", "POST"):
        return _refusal(405, "MethodNotAllowedError", "The requested path does not take this method")  # from memory
    workspace = workspaces.find(call.world.store, segments[2])
    if workspace is None:
        return _refusal(404, "WorkspaceNotFoundError", "The workspace could not be found")  # from memory
    asked = {**call.query, **(call.body or {})}
    try:
        table, since, until, begins = _understood(str(asked.get("query") or ""), str(asked.get("timespan") or ""))
    except _RefusedError as error:
        inner = {"code": error.args[0], "message": error.args[1]}
        return _refusal(400, "BadArgumentError", "The request had some invalid properties", inner)
    customer = workspace.body["properties"]["customerId"]
    rows = [
        [{"TenantId": customer, "Type": table, **row}.get(name) for name, _type in TABLES[table]]
        for row in call.world.logs.rows(customer, table)
        if since <= Moment.fromisoformat(row["TimeGenerated"]) <= until and _begins(row, *begins)
    ]
    columns = [{"name": name, "type": kind} for name, kind in TABLES[table]]
    return Reply(200, {"tables": [{"name": "PrimaryResult", "columns": columns, "rows": rows}]})


def _understood(query: str, timespan: str) -> tuple[str, Moment, Moment, tuple[str, str]]:
    """The table, the span of time that query and timespan both allow, and a column with what it begins with."""
    found = _QUERY.fullmatch(query)
    if found is None:
        raise _RefusedError(
            "SyntaxError",
            'Only TABLE | where TimeGenerated > ago(TIME) | where COLUMN startswith "TEXT" is understood here.',
        )
    table, count, unit, column, *texts = found.groups()
    columns = [name for name, _type in TABLES.get(table, ())]
    for name, known in ((table, TABLES), (column, columns)):  # names are told apart by case
        if name and name not in known:
            raise _RefusedError("SemanticError", f"Failed to resolve table or column expression named '{name}'")
    since, until = Moment.min.replace(tzinfo=datetime.UTC), Moment.max.replace(tzinfo=datetime.UTC)
    starts, ends = [since], [until]
    for start, end in _spans(timespan, int(count) * _UNITS[unit] if count else None):
        starts.append(start)
        ends.append(end)
    return table, max(starts), min(ends), (column or "", next((text for text in texts if text), ""))


def _begins(row: Json, column: str, text: str) -> bool:
    return str(row.get(column) or "").lower().startswith(text.lower())


def _spans(timespan: str, ago_s: int | None) -> Iterator[tuple[Moment, Moment]]:
    now = Moment.now(datetime.UTC)
    end = Moment.max.replace(tzinfo=datetime.UTC)
    try:
        if ago_s is not None:
            yield now - datetime.timedelta(seconds=ago_s), end
        if "/" in timespan:
            first, last = (_moment(part) for part in timespan.split("/", 1))
            yield first, last
        elif timespan:
            span = minutes(timespan)
            if span is None:
                raise ValueError
            yield now - datetime.timedelta(minutes=span), end
    except (ValueError, OverflowError):
        raise _RefusedError("InvalidTimespan", f"The timespan '{timespan}' is invalid") from None  # from memory


def _moment(text: str) -> Moment:
    moment = Moment.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)


def _refusal(status: int, code: str, message: str, inner: Json | None = None) -> Reply:
    error: Json = {"message": message, "code": code}
    return Reply(status, {"error": {**error, "innererror": inner} if inner else error})
