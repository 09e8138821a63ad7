"""cloud-init's user data, part by part, and how it merges several cloud-configs into one.

Each part says how it is merged with what came before it: by `merge_how` in itself, or by the header Merge-Type of its
MIME part. Saying nothing, its keys replace those of the same name. (cloudinit/handlers/cloud_config.py and
cloudinit/mergers of cloud-init 25.1 decide; this follows what they do with objects, lists and texts.)
"""

from __future__ import annotations

import email
import gzip
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_MOST_UNPACKED = 4 * 1024 * 1024
_DEFAULT = "dict(replace)+list()+str()"

Options = Mapping[str, frozenset[str]]
"""By `dict`, `list` and `str`: what stands in its brackets."""


@dataclass(frozen=True)
class Part:
    """One part of the user data. `merge` is its Merge-Type header."""

    text: str
    kind: str  # cloud-config, script, or "" for what cloud-init does not know
    merge: str = ""


def unpack(data: bytes) -> bytes:
    """What a gzip stream holds, other data as it is; nothing for a broken stream."""
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return zlib.decompressobj(wbits=31).decompress(data, _MOST_UNPACKED)
    except (zlib.error, gzip.BadGzipFile):
        return b""


def parts(data: bytes) -> list[Part]:
    """The user data's parts: itself, or those of a MIME message."""
    text = unpack(data).decode("utf-8", "replace")
    if "mime-version:" not in text[:4096].lower():
        return [Part(text, _kind(text))] if text.strip() else []
    found = []
    for part in email.message_from_string(text).walk():
        payload = part.get_payload(decode=True)
        if part.is_multipart() or not isinstance(payload, bytes):
            continue
        content = payload.decode("utf-8", "replace")
        named = {"text/cloud-config": "cloud-config", "text/x-shellscript": "script"}.get(part.get_content_type(), "")
        found.append(
            Part(content, named or _kind(content), str(part.get("Merge-Type") or part.get("X-Merge-Type", "")))
        )
    return found


def _kind(text: str) -> str:
    return "cloud-config" if text.startswith("#cloud-config") else "script" if text.startswith("#!") else ""


def merge(base: dict[str, Any], config: dict[str, Any], header: str = "") -> dict[str, Any]:
    """`config` merged into `base`, as it or its header asks. Neither is changed."""
    config = dict(config)
    own = config.pop("merge_how", None) or config.pop("merge_type", None)
    options = {**_options(_DEFAULT if not (own or header) else header), **_options(own)}
    merged = _merged(base, config, options)
    assert isinstance(merged, dict)
    return merged


def _options(asked: Any) -> dict[str, frozenset[str]]:
    if isinstance(asked, str):
        return {
            name: frozenset(option.strip() for option in inner.split(",") if option.strip())
            for name, inner in re.findall(r"(\w+)\(([^)]*)\)", asked)
        }
    rows = asked if isinstance(asked, list) else []
    return {
        str(row["name"]): frozenset(str(option) for option in row.get("settings") or ())
        for row in rows
        if isinstance(row, dict) and row.get("name")
    }


def _merged(old: Any, new: Any, options: Options) -> Any:
    """The old value's type decides who merges; where nobody does, the old one stays."""
    if isinstance(old, dict) and "dict" in options:
        return _dicts(old, new, options) if isinstance(new, dict) else old
    if isinstance(old, list) and "list" in options:
        return _lists(old, new, options)
    if isinstance(old, str) and "str" in options:
        return old + new if "append" in options["str"] and isinstance(new, str) else new
    return old


def _dicts(old: dict[str, Any], new: dict[str, Any], options: Options) -> dict[str, Any]:
    chosen = options["dict"]
    merged = dict(old)
    for key, value in new.items():
        if key not in merged:
            merged[key] = value
        elif value is None and "allow_delete" in chosen:
            del merged[key]
        elif "replace" in chosen:
            merged[key] = value
        elif _recurses(value, chosen):
            merged[key] = _merged(merged[key], value, options)
    return merged


def _lists(old: list[Any], new: Any, options: Options) -> Any:
    chosen = options["list"]
    if not isinstance(new, list):
        return old if chosen & {"append", "prepend", "no_replace"} else new
    if "append" in chosen:
        return [*old, *new]
    if "prepend" in chosen:
        return [*new, *old]
    if "no_replace" in chosen:
        return list(old)
    met = [
        _merged(one, other, options) if _recurses(other, chosen) else other
        for one, other in zip(old, new, strict=False)
    ]
    return [*met, *old[len(met) :]]


def _recurses(value: Any, chosen: frozenset[str]) -> bool:
    if isinstance(value, list):
        return bool(chosen & {"recurse_list", "recurse_array"})
    return isinstance(value, dict) or (isinstance(value, str) and "recurse_str" in chosen)
