from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import FrozenInstanceError
from typing import TYPE_CHECKING

import pytest

from addons.serving.options import KEY_LOGS, LayerOptions, for_layers, forget_key_logs

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("lazy", "connection_strategy"),
        (False, "rawtcp"),
        (False, "http2"),
        (False, "http3"),
        (True, "validate_inbound_headers"),
        (None, "stream_large_bodies"),
        (False, "store_streamed_bodies"),
        (False, "upstream_cert"),
        (False, "ssl_insecure"),
    ],
)
def test_a_door_that_stock_options_leave_open_is_closed(wanted: object, name: str) -> None:
    assert wanted == getattr(LayerOptions(), name)


def test_nobody_can_change_an_option_while_connections_use_it() -> None:
    with pytest.raises(FrozenInstanceError):
        LayerOptions().rawtcp = True  # type: ignore[misc]  # what a test of frozen values is about


def test_an_option_that_has_no_hardened_value_cannot_be_read() -> None:
    with pytest.raises(AttributeError):
        _ = for_layers(LayerOptions()).ignore_hosts


def test_variables_that_leak_session_keys_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KEY_LOGS:
        monkeypatch.setenv(name, "keys.log")

    assert forget_key_logs() == KEY_LOGS
    assert forget_key_logs() == ()
    assert not set(KEY_LOGS) & set(os.environ)


def test_mitmproxy_never_hears_of_a_key_log(tmp_path: Path) -> None:
    script = "import addons.serving.engine, mitmproxy.net.tls as tls; print(tls.log_master_secret)"
    environment = {**os.environ, **dict.fromkeys(KEY_LOGS, str(tmp_path / "keys.log"))}

    run = subprocess.run([sys.executable, "-c", script], env=environment, check=True, capture_output=True, text=True)

    assert run.stdout.strip() == "None"
