from __future__ import annotations

from typing import Any

import pytest
from mitmproxy.net import tls

from addons.serving.options import LayerOptions
from addons.stock.options import HARDENED, HARMLESS, asked_for, harden, in_force
from tests.adapters.mitmdump import put, with_mitmdump


def _asked(**asked: Any) -> tuple[str, ...]:
    return with_mitmdump(lambda master: asked_for(master.options), **asked)


def test_a_mitmdump_that_nobody_configured_is_hardened() -> None:
    def hardened(master: Any) -> tuple[tuple[str, ...], dict[str, Any], tuple[str, ...]]:
        problems = asked_for(master.options)
        harden(master.options)
        return problems, {name: getattr(master.options, name) for name in HARDENED}, in_force(master.options)

    assert with_mitmdump(hardened) == ((), HARDENED, ())


def test_what_is_not_hardened_yet_is_not_safe() -> None:
    problems = with_mitmdump(lambda master: in_force(master.options))

    assert {"connection_strategy", "rawtcp", "http2"} <= {problem.split("`")[1] for problem in problems}


def test_the_layers_get_what_they_get_in_the_gateway_itself() -> None:
    own = {name: getattr(LayerOptions(), name) for name in LayerOptions.__slots__}

    assert {name: (HARDENED[name], value) for name, value in own.items() if HARDENED[name] != value} == {
        "tcp_timeout": (75, 600)
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ignore_hosts", ["x"]),
        ("allow_hosts", ["x"]),
        ("tcp_hosts", ["x"]),
        ("ssl_insecure", True),
        ("stream_large_bodies", "1m"),
        ("body_size_limit", "1m"),
        ("validate_inbound_headers", False),
        ("keep_alt_svc_header", True),
        ("map_remote", ["|a|b"]),
        ("modify_headers", ["/a/b"]),
        ("block_list", [":~all:403"]),
        ("upstream_auth", "user:password"),
        ("proxyauth", "any"),
        ("server_replay", ["file"]),
        ("flow_detail", 3),
        ("connect_addr", "192.0.2.1"),
    ],
)
def test_an_option_that_may_leave_something_unjudged_is_refused(name: str, value: object) -> None:
    def problems(master: Any) -> tuple[str, ...]:
        put(master, name, value)
        return asked_for(master.options)

    (problem,) = with_mitmdump(problems)

    assert problem.startswith(f"option `{name}` is `{value}`, which may leave something unjudged: leave it at `")


@pytest.mark.parametrize(
    ("wanted", "mode"),
    [
        (True, ["regular"]),
        (True, ["regular@127.0.0.1:3128"]),
        (False, ["reverse:http://127.0.0.1:1"]),
        (False, ["upstream:http://127.0.0.1:1"]),
        (False, ["socks5"]),
        (False, ["regular", "regular@9090"]),
    ],
)
def test_one_regular_mode_is_all_that_is_served(wanted: bool, mode: list[str]) -> None:  # noqa: FBT001 - the wanted value of a table's row
    said = () if wanted else (f"option `mode` is `{', '.join(mode)}`: one `regular` is all that is served here",)

    assert said == _asked(mode=mode)


def test_what_harms_nothing_is_left_to_the_user() -> None:
    assert _asked(listen_host="127.0.0.1", listen_port=3128, termlog_verbosity="debug", block_global=False) == ()
    assert set() == HARMLESS & HARDENED.keys()


def test_a_mitmproxy_that_writes_down_session_keys_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls, "log_master_secret", print)

    assert _asked() == ("mitmproxy writes down the keys of sessions: take `SSLKEYLOGFILE` out of the environment",)
