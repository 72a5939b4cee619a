from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from addons.serving.stores import Teller, counting_of
from gateway.audit.writing.errors import AuditUnavailable
from gateway.config.settings import LimitsStoreSettings, SecretSource
from gateway.limits.cluster.connecting import StoreAddress
from gateway.policy.errors import Malformed

if TYPE_CHECKING:
    from gateway.audit.records.record import Record

ADDRESS = StoreAddress("redis", "store.example", 6379, 0)
NAME = "redis://store.example:6379/0"
NOW = 1_795_428_000.0


def test_without_a_store_nobody_is_asked() -> None:
    assert counting_of(None, list[object]().append, lambda: NOW) is None


@pytest.mark.parametrize(
    ("on_failure", "meanwhile"),
    [("closed", "what it counts is refused meanwhile"), ("local", "every machine counts alone meanwhile")],
)
def test_that_a_store_goes_and_comes_is_recorded_and_said(on_failure: object, meanwhile: str) -> None:
    records: list[Record] = []
    said: list[str] = []
    settings = LimitsStoreSettings(address=ADDRESS, on_failure=on_failure)  # type: ignore[arg-type]  # one of the two
    counting = counting_of(settings, records.append, lambda: NOW)
    assert counting is not None
    counting.teller.said = said.append

    counting.teller.told(False, "it cannot be reached")  # noqa: FBT003 - away, and back
    counting.teller.told(True, "")  # noqa: FBT003 - away, and back

    assert said == [
        f"limits_store: {NAME} is away: it cannot be reached; {meanwhile}",
        f"limits_store: {NAME} is back, gateways count together again",
    ]
    assert [(each["standing"], each["instead"], each["detail"]) for each in records] == [
        ("away", on_failure, "it cannot be reached"),
        ("back", on_failure, "it can be read and written"),
    ]
    assert counting.store.summary() == {
        "store": NAME,
        "state": "up",
        "why": "",
        "on_failure": on_failure,
        "asked": 0,
        "refused": 0,
        "failed": 0,
        "held": 0,
    }


def test_a_log_that_takes_nothing_keeps_nobody_from_being_told() -> None:
    def full(_record: object) -> None:
        raise AuditUnavailable("no space")

    said: list[str] = []
    teller = Teller(LimitsStoreSettings(address=ADDRESS), full, lambda: NOW)
    teller.said = said.append
    teller.told(True, "")  # noqa: FBT003 - it is back

    assert len(said) == 1


def test_a_secret_that_is_not_there_is_told_with_the_section(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STORE_SECRET", raising=False)
    settings = LimitsStoreSettings(address=ADDRESS, credentials=SecretSource(environment="STORE_SECRET"))

    with pytest.raises(Malformed, match="limits_store: the variable `STORE_SECRET` is not set"):
        counting_of(settings, list[object]().append, lambda: NOW)
