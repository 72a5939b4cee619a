"""What `audit` in the configuration promises, kept by a gateway that lives."""

from __future__ import annotations

import resource
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pytest

from gateway.audit.reading.reader import Damage, records
from tests.e2e.commands import until
from tests.e2e.gateway import Gateway, gateway
from tests.e2e.origins import RecordingOrigin
from tests.e2e.wire import Answer, get

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.audit.records.record import Record

pytestmark = pytest.mark.e2e

POLICY: Final = """
version: 1
name: kept
default: {action: allow}
unsafe_destinations: [127.0.0.0/8]
rules:
  - {id: closed, action: deny, reason: Closed, when: {path: {prefix: [/closed]}}}
"""
NAMES: Final = {".open.example": ["127.0.0.1"]}


@pytest.fixture(scope="module")
def origin() -> Iterator[RecordingOrigin]:
    with RecordingOrigin() as server:
        yield server


def asked(proxy: Gateway, origin: RecordingOrigin, path: str) -> Answer:
    authority = f"a.open.example:{origin.port}"
    with proxy.through() as wire:
        return wire.ask(get(f"http://{authority}{path}", authority))


def on_disk(proxy: Gateway) -> list[Record]:
    damage: list[Damage] = []
    found = list(records(proxy.state / "audit", on_damage=damage.append))
    assert damage == []
    return found


def test_under_sync_a_refusal_is_in_the_log_before_its_client_hears_of_it(
    tmp_path: Path, origin: RecordingOrigin
) -> None:
    with gateway(tmp_path, forward=POLICY, names=NAMES, settings={"audit": {"durability": "sync"}}) as proxy:
        shapes = [
            (403, get(f"http://a.open.example:{origin.port}/closed", f"a.open.example:{origin.port}")),
            (403, get("a.open.example:25", "a.open.example:25", method="CONNECT")),
            (400, b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
            (400, b"nonsense\r\n\r\n"),
        ] * 5
        for status, request in shapes:
            with proxy.through() as wire:
                answer = wire.ask(request)
                found = {each.get("id") for each in on_disk(proxy) if each["event"] == "decision"}
            assert answer.status == status
            assert answer.decision in found
        assert asked(proxy, origin, "/").status == 200


@contextmanager
def no_disk(proxy: Gateway, origin: RecordingOrigin) -> Iterator[None]:
    """The system lets no file of the gateway grow, and the gateway has noticed it."""
    pid = proxy.process.process.pid
    usual = resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    asked(proxy, origin, "/")
    until(lambda: "the audit log cannot be written" in "".join(proxy.process.err), "nobody says it")
    yield
    resource.prlimit(pid, resource.RLIMIT_FSIZE, usual)


@pytest.mark.parametrize("mode", ["deny_only", "open"])
def test_whoever_has_to_be_there_goes_on_without_a_disk_and_counts(
    mode: str, tmp_path: Path, origin: RecordingOrigin
) -> None:
    settings = {"audit": {"on_failure": mode}}
    with gateway(tmp_path, forward=POLICY, names=NAMES, settings=settings, whole=False) as proxy:
        assert asked(proxy, origin, "/").status == 200
        with no_disk(proxy, origin):
            allowed = asked(proxy, origin, "/")
            denied = asked(proxy, origin, "/closed")
            assert (allowed.status, denied.status) == (200, 403)
        until(lambda: any(each["event"] == "gap" for each in on_disk(proxy)), "no gap was told")
        assert asked(proxy, origin, "/").status == 200

    found = on_disk(proxy)
    kept = {each["id"] for each in found if each["event"] == "decision"}
    (gap,) = (each for each in found if each["event"] == "gap")
    assert gap["refused"] == 0
    assert isinstance(gap["unrecorded"], int)
    assert gap["unrecorded"] >= 2
    assert (denied.decision in kept) is (mode == "deny_only")
