from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from gateway.config.settings import UpstreamTlsSettings
from gateway.control.trust import TrustStore
from gateway.policy.problems import Invalid

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.audit.records.record import Record


def stored(settings: UpstreamTlsSettings) -> tuple[TrustStore, list[Record]]:
    records: list[Record] = []
    return TrustStore(settings, lambda: 0.0, records.append), records


def test_nobody_is_believed_before_the_start() -> None:
    store, _ = stored(UpstreamTlsSettings())

    with pytest.raises(RuntimeError):
        _ = store.current


def test_a_reload_replaces_what_is_in_force_and_a_bad_one_does_not(tmp_path: Path) -> None:
    listed = tmp_path / "list.txt"
    listed.write_text("serial:1\n")
    store, records = stored(UpstreamTlsSettings(revoked=(listed,)))
    assert store.start().revoked.serials == {1}

    listed.write_text("serial:2\n")
    asyncio.run(store.reload_aside("signal"))
    assert store.current.revoked.serials == {2}

    listed.write_text("serial:?\n")
    with pytest.raises(Invalid):
        asyncio.run(store.reload_aside("signal"))
    assert store.current.revoked.serials == {2}
    assert [each["outcome"] for each in records] == ["loaded", "loaded", "refused"]
    assert "`serial:?` names no certificate" in str(records[-1]["problems"])


def test_without_files_there_is_nothing_to_record() -> None:
    store, records = stored(UpstreamTlsSettings())

    assert store.start().system_roots
    assert records == []


def test_what_cannot_be_recorded_does_not_come_into_force(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("serial:1\n")

    def full(_: Record) -> None:
        raise OSError("no space")

    store = TrustStore(UpstreamTlsSettings(revoked=(tmp_path / "list.txt",)), lambda: 0.0, full)
    with pytest.raises(OSError, match="no space"):
        store.start()
    with pytest.raises(RuntimeError):
        _ = store.current
