"""The search for secrets can fail: it finds a leak in every spelling. `make torture` goes its ways."""

from __future__ import annotations

import base64
import html
import json

from tests.test_secrets import FIRST
from tests.torture.secrets import Search


def test_a_leak_is_found_in_every_spelling(tmp_path):
    leaks = {
        "raw": FIRST.encode(),
        "json in json": json.dumps(json.dumps({"settings": FIRST})).encode(),
        "picture": f"<text>{html.escape(FIRST)}</text>".encode(),
        "repr": repr({"password": FIRST}).encode(),
        "hex": FIRST.encode().hex().encode(),
        "windows": f"\0{FIRST}".encode("utf-16-le"),
        "powershell": base64.b64encode(f"$p='{FIRST}';".encode("utf-16-le")),
    }
    for name, content in leaks.items():
        (tmp_path / name).write_bytes(b"before " + content + b" after")
    (tmp_path / "harmless").write_bytes(b"canary, but no secret")
    search = Search(tmp_path)
    search.texts["said"] = FIRST.encode()
    assert search.found([FIRST]) == sorted([*leaks, "said"])
    assert search.found([FIRST], exempt=list(leaks)) == ["said"]
    assert search.files == 2 + len(leaks)
