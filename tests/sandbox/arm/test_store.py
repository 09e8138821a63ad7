"""What the store tells of documents below others."""

from __future__ import annotations

from pathlib import Path

from wizard.sandbox.store import Document, Store

VM = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines"
EXTENSION = "Microsoft.Compute/virtualMachines/extensions"


def test_what_is_right_below_a_document_is_found_without_looking_through_all(tmp_path: Path):
    store = Store(tmp_path / "store.db")
    for vm in ("vm1", "vm10"):
        for name in ("b", "a"):
            store.put(Document(f"{VM}/{vm}/extensions/{name}", EXTENSION, name, {}))
    store.put(Document(f"{VM}/vm1/runCommands/c", "Microsoft.Compute/virtualMachines/runCommands", "c", {}))
    assert [one.name for one in store.below(f"{VM.upper()}/VM1", EXTENSION)] == ["b", "a"]
    store.delete(f"{VM}/vm1/extensions/b")
    assert [one.id for one in store.below(f"{VM}/vm1", EXTENSION)] == [f"{VM}/vm1/extensions/a"]
    store.delete(f"{VM}/vm1/extensions/a")
    assert store.below(f"{VM}/vm1", EXTENSION) == []
    store.close()
    again = Store(tmp_path / "store.db")
    assert [one.name for one in again.below(f"{VM}/vm10", EXTENSION)] == ["a", "b"], "read back by their keys"
    again.close()
