from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.load import read_settings
from gateway.config.settings import LimitsStoreSettings, SecretSource
from gateway.limits.cluster.connecting import StoreAddress
from tests.unit.config.objections import FORWARD, objections, read


def test_there_is_no_store_unless_one_is_named() -> None:
    assert read(f"listeners: [{FORWARD}]").limits_store is None


def test_a_store_needs_a_place_and_nothing_else() -> None:
    store = read(f"listeners: [{FORWARD}]\nlimits_store: {{url: redis://store.example}}").limits_store

    assert store == LimitsStoreSettings(address=StoreAddress("redis", "store.example", 6379, 0))
    assert (store.timeout, store.on_failure, store.prefix) == (0.05, "closed", "wicketgate")


def test_files_are_found_from_where_the_configuration_lies() -> None:
    text = (
        f"version: 1\nlisteners: [{FORWARD}]\nlimits_store: {{url: rediss://store.example, credentials: {{file: c}}, "
        "secret: {environment: NAMES}, trust: t.pem, timeout: 20ms, on_failure: local, prefix: shop}"
    )

    assert read_settings(text, "w.yaml", Path("/etc/gw")).limits_store == LimitsStoreSettings(
        address=StoreAddress("rediss", "store.example", 6379, 0),
        credentials=SecretSource(Path("/etc/gw/c")),
        secret=SecretSource(environment="NAMES"),
        trust=Path("/etc/gw/t.pem"),
        timeout=0.02,
        on_failure="local",
        prefix="shop",
    )


@pytest.mark.parametrize(
    ("objection", "store"),
    [
        ("limits_store: `url` is missing", "{}"),
        ("limits_store.url: user and password do not belong here", "{url: 'redis://:hunter2@store.example'}"),
        ("limits_store: `trust` has no effect without `rediss://`", "{url: redis://a, trust: t.pem}"),
        ("limits_store.timeout: a request waits for 1 ms to 5 s", "{url: redis://a, timeout: 1min}"),
        ("limits_store.prefix: a prefix is 1 to 64 letters", "{url: redis://a, prefix: 'a b'}"),
        ("limits_store.on_failure: ", "{url: redis://a, on_failure: open}"),
        ("limits_store: unknown key `timeouts`", "{url: redis://a, timeouts: 1s}"),
        ("limits_store.credentials: ", "{url: redis://a, credentials: {file: a, environment: B}}"),
    ],
)
def test_what_makes_no_sense_is_refused(objection: str, store: str) -> None:
    found = objections(f"listeners: [{FORWARD}]\nlimits_store: {store}")

    assert any(each.startswith(objection) for each in found)
    assert not any("hunter2" in each for each in found)
