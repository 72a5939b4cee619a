"""Everything of mitmproxy and h11 that is used and not documented, one by one: a release that moves it fails here.

Each row names the thing and the module of ours that leans on it.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import fields
from functools import cached_property
from pathlib import Path
from typing import Any

import h11
import mitmproxy
import pytest
from h11._readers import ChunkedReader, ContentLengthReader, Http10Reader
from h11._receivebuffer import ReceiveBuffer
from mitmproxy import connection, flow, http, version
from mitmproxy.net.http import http1, validate
from mitmproxy.options import Options
from mitmproxy.proxy import commands, events, layer, server, tunnel
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers import http as http_layers
from mitmproxy.proxy.layers import tls, websocket
from mitmproxy.proxy.layers.http import _base, _events, _hooks, _http1
from mitmproxy.proxy.server_hooks import ServerConnectionHookData
from mitmproxy.tls import ClientHello, TlsData
from OpenSSL import SSL

from addons.connections import fail_closed
from addons.http1 import client_side as our_http1
from addons.http3 import opening
from addons.serving.options import LayerOptions
from addons.tunnels import opening as tunnels

METHODS = [
    ("addons/connections/handler.py", server.LiveConnectionHandler, "__init__", "self reader writer options mode"),
    ("addons/connections/handler.py", server.ConnectionHandler, "__init__", "self context"),
    ("addons/connections/handler.py", server.ConnectionHandler, "handle_client", "self"),
    ("addons/tls/passage.py", tunnel.TunnelLayer, "_handle_command", "self command"),
    ("addons/tls/passage.py", tls.TLSLayer, "receive_data", "self data"),
    ("addons/connections/handler.py", server.ConnectionHandler, "handle_hook", "self hook"),
    ("addons/connections/handler.py", server.ConnectionHandler, "server_event", "self event"),
    ("addons/streams/upstream_life.py", server.ConnectionHandler, "handle_connection", "self connection"),
    ("addons/connections/handler.py", server.ConnectionHandler, "close_connection", "self connection half_close"),
    ("addons/connections/handler.py", server.ConnectionHandler, "drain_writers", "self"),
    ("addons/connections/handler.py", server.ConnectionHandler, "on_timeout", "self"),
    ("addons/connections/handler.py", server.ConnectionHandler, "log", "self message level exc_info"),
    ("addons/connections/handler.py", server.TimeoutWatchdog, "__init__", "self timeout callback"),
    ("addons/connections/handler.py", server.TimeoutWatchdog, "watch", "self"),
    ("addons/connections/handler.py", server.TimeoutWatchdog, "register_activity", "self"),
    ("addons/connections/handler.py", layer.Layer, "handle_event", "self event"),
    ("addons/streams/layer.py", http_layers.HttpLayer, "__init__", "self context mode"),
    ("addons/streams/layer.py", http_layers.HttpLayer, "_handle_event", "self event"),
    ("addons/streams/layer.py", http_layers.HttpLayer, "event_to_child", "self child event"),
    ("addons/streams/layer.py", http_layers.HttpLayer, "make_stream", "self stream_id"),
    ("addons/streams/layer.py", http_layers.HttpLayer, "get_connection", "self event reuse"),
    ("addons/streams/layer.py", http_layers.HttpLayer, "register_connection", "self command"),
    ("addons/streams/upstreams.py", tunnel.LayerStack, "__truediv__", "self other"),
    ("addons/http2/session.py", _base.HttpConnection, "__init__", "self context conn"),
    ("addons/connections/pacing.py", commands.RequestWakeup, "__init__", "self delay"),
    ("addons/streams/stream.py", http_layers.HttpStream, "__init__", "self context stream_id"),
    ("addons/streams/retrying.py", http_layers.HttpStream, "make_server_connection", "self"),
    ("addons/streams/stream.py", http_layers.HttpStream, "state_consume_request_body", "self event"),
    ("addons/streams/stream.py", http_layers.HttpStream, "state_consume_response_body", "self event"),
    ("addons/streams/stream.py", http_layers.HttpStream, "state_errored", "self _"),
    ("addons/streams/stream.py", http_layers.HttpStream, "state_stream_request_body", "self event"),
    ("addons/streams/stream.py", http_layers.HttpStream, "state_stream_response_body", "self event"),
    ("addons/streams/stream.py", http_layers.HttpStream, "state_wait_for_request_headers", "self event"),
    ("addons/streams/stream.py", http_layers.HttpStream, "state_wait_for_response_headers", "self event"),
    ("addons/streams/stream.py", http_layers.HttpStream, "check_invalid", "self request"),
    ("addons/streams/stream.py", http_layers.HttpStream, "check_killed", "self emit_error_hook"),
    ("addons/streams/stream.py", http_layers.HttpStream, "flow_done", "self"),
    ("addons/streams/stream.py", http_layers.HttpStream, "passthrough", "self event"),
    ("addons/streams/websockets.py", websocket.WebsocketLayer, "relay_messages", "self event"),
    ("addons/streams/websockets.py", websocket.WebsocketLayer, "done", "self _"),
    ("addons/streams/stream.py", http_layers.HttpStream, "handle_connect", "self"),
    ("addons/streams/stream.py", http_layers.HttpStream, "handle_connect_finish", "self"),
    ("addons/streams/stream.py", http_layers.HttpStream, "handle_connect_regular", "self"),
    ("addons/streams/stream.py", http_layers.HttpStream, "handle_protocol_error", "self event"),
    ("addons/streams/stream.py", http_layers.HttpStream, "send_response", "self already_streamed"),
    ("addons/streams/stream.py", http_layers.HttpStream, "start_request_stream", "self"),
    ("addons/streams/stream.py", http_layers.HttpStream, "start_response_stream", "self"),
    ("addons/http1/client_side.py", _http1.Http1Connection, "_handle_event", "self event"),
    ("addons/http1/client_side.py", _http1.Http1Connection, "done", "self event"),
    ("addons/http1/client_side.py", _http1.Http1Connection, "read_body", "self event"),
    ("addons/http1/client_side.py", _http1.Http1Connection, "wait", "self event"),
    ("addons/http1/client_side.py", _http1.Http1Server, "mark_done", "self request response"),
    ("addons/http1/client_side.py", _http1.Http1Server, "read_headers", "self event"),
    ("addons/http1/client_side.py", _http1.Http1Server, "send", "self event"),
    ("addons/http1/origin_side.py", _http1.Http1Client, "read_headers", "self event"),
    ("addons/http1/origin_side.py", _http1.Http1Client, "send", "self event"),
    ("addons/http1/chunks.py", ReceiveBuffer, "maybe_extract_lines", "self"),
    ("addons/http1/chunks.py", ReceiveBuffer, "maybe_extract_at_most", "self count"),
    ("addons/http1/chunks.py", ChunkedReader, "__call__", "self buf"),
    ("addons/tls/layers.py", tls.ClientTLSLayer, "__init__", "self context"),
    ("addons/tls/layers.py", tls.ServerTLSLayer, "__init__", "self context conn"),
    ("addons/tls/layers.py", tls.ClientTLSLayer, "receive_handshake_data", "self data"),
    ("addons/tls/layers.py", tls.TLSLayer, "receive_handshake_data", "self data"),
    ("addons/tls/layers.py", tls.TLSLayer, "receive_data", "self data"),
    ("addons/tls/layers.py", tls.TLSLayer, "start_tls", "self"),
    ("addons/tls/layers.py", tls.TLSLayer, "tls_interact", "self"),
    ("addons/tls/layers.py", tls.ServerTLSLayer, "on_handshake_error", "self err"),
    ("addons/tls/hello.py", ClientHello, "__init__", "self raw_client_hello dtls"),
    ("addons/serving/quicker.py", http.MessageData, "__post_init__", "self"),
    ("addons/serving/quicker.py", http.Headers, "get_all", "self name"),
    ("addons/serving/quicker.py", http.Headers, "get", "self key default"),
    ("addons/serving/quicker.py", http.Headers, "__getitem__", "self key"),
    ("addons/serving/quicker.py", http.Headers, "__contains__", "self key"),
    ("addons/serving/quicker.py", Context, "fork", "self"),
    ("addons/serving/quicker.py", flow.Flow, "__init__", "self client_conn server_conn live"),
    ("addons/serving/quicker.py", commands.StartHook, "__new__", "cls args kwargs"),
]


@pytest.mark.parametrize(("user", "owner", "name", "parameters"), METHODS)
def test_a_method_is_there_and_takes_what_we_give(user: str, owner: type, name: str, parameters: str) -> None:
    found = inspect.signature(inspect.unwrap(inspect.getattr_static(owner, name)))

    assert (user, parameters.split()) == (user, list(found.parameters))


FUNCTIONS: list[tuple[str, Any, str]] = [
    ("addons/http1/client_side.py", http1.read_request_head, "lines"),
    ("addons/http1/client_side.py", http1.expected_http_body_size, "request response"),
    ("addons/http1/client_side.py", http1.assemble_response, "response"),
    ("addons/http1/client_side.py", _http1.make_body_reader, "expected_size"),
    ("addons/http1/usual.py", http1.read_response_head, "lines"),
    ("addons/http1/usual.py", validate.validate_headers, "message"),
    ("addons/http1/usual.py", http_layers.validate_request, "mode request validate_inbound_headers"),
    ("addons/tunnels/straight.py", http_layers.validate_request, "mode request validate_inbound_headers"),
    ("addons/tunnels/straight.py", http1.assemble_response, "response"),
    ("addons/http1/straight.py", http1.assemble_request_head, "request"),
    ("addons/http1/client_side.py", http1.assemble_response_head, "response"),
    ("addons/http1/client_side.py", _http1.should_make_pipe, "request response"),
]


@pytest.mark.parametrize(("user", "function", "parameters"), FUNCTIONS)
def test_a_function_takes_what_we_give(user: str, function: Any, parameters: str) -> None:
    assert (user, parameters.split()) == (user, list(inspect.signature(function).parameters))


VALUES: list[tuple[str, type, str]] = [
    ("addons/http1/straight.py", events.DataReceived, "connection data"),
    ("addons/http1/straight.py", _events.RequestEndOfMessage, "stream_id"),
    ("addons/http1/straight.py", _events.ResponseData, "stream_id data"),
    ("addons/http1/straight.py", _events.ResponseEndOfMessage, "stream_id"),
    ("addons/connections/handler.py", server.ConnectionIO, "handler reader writer"),
    ("addons/tunnels/spliced.py", ServerConnectionHookData, "server client"),
    ("addons/tunnels/straight.py", _hooks.HttpConnectHook, "flow"),
    ("addons/tunnels/straight.py", _hooks.HttpConnectedHook, "flow"),
    ("addons/tunnels/straight.py", _hooks.HttpConnectErrorHook, "flow"),
    ("addons/connections/hook_running.py", events.HookCompleted, "command reply"),
    ("addons/connections/handler.py", events.Wakeup, "command"),
    ("addons/http1/origin_side.py", _events.RequestHeaders, "stream_id request end_stream replay_flow"),
    ("addons/streams/stream.py", _events.ResponseHeaders, "stream_id response end_stream"),
    ("addons/streams/stream.py", _events.RequestProtocolError, "stream_id message code"),
    ("addons/streams/stream.py", _events.ResponseProtocolError, "stream_id message code"),
    ("addons/streams/stream.py", http_layers.DropStream, "stream_id"),
    ("addons/streams/stream.py", http_layers.SendHttp, "event connection"),
    ("addons/streams/upstreams.py", http_layers.GetHttpConnection, "address tls via transport_protocol"),
    ("addons/streams/upstreams.py", http_layers.GetHttpConnectionCompleted, "command reply"),
    ("addons/streams/upstreams.py", http_layers.RegisterHttpConnection, "connection err"),
    ("addons/http2/client_side.py", _events.RequestTrailers, "stream_id trailers"),
    ("addons/http2/client_side.py", _events.ResponseTrailers, "stream_id trailers"),
    ("addons/tls/client_tls.py", TlsData, "conn context ssl_conn is_dtls"),
]


@pytest.mark.parametrize(("user", "kind", "wanted"), VALUES)
def test_a_value_has_the_fields_that_we_fill(user: str, kind: Any, wanted: str) -> None:
    assert (user, wanted.split()) == (user, [field.name for field in fields(kind)])


ATTRIBUTES: list[tuple[str, type, str]] = [
    ("addons/streams/stream.py", layer.Layer, "_paused_event_queue"),
    ("addons/streams/upstreams.py", connection.Connection, "alpn alpn_offers"),
    ("addons/connections/handler.py", server.ConnectionHandler, "transports timeout_watchdog client layer"),
    ("addons/connections/handler.py", layer.Layer, "context _paused"),
    ("addons/streams/stream.py", http_layers.HttpStream, "flow stream_id child_layer"),
    (
        "addons/streams/layer.py",
        http_layers.HttpLayer,
        "mode command_sources streams connections waiting_for_establishment",
    ),
    (
        "addons/http1/client_side.py",
        _http1.Http1Connection,
        "stream_id request response request_done response_done body_reader buf",
    ),
    ("addons/http1/client_side.py", _http1.Http1Connection, "ReceiveProtocolError"),
    ("addons/tunnels/opening.py", tunnel.TunnelLayer, "child_layer"),
    ("addons/tls/layers.py", tls.TLSLayer, "tls conn"),
    ("addons/tls/passage.py", tls.TLSLayer, "tls conn child_layer tunnel_state _paused"),
    ("addons/tls/layers.py", tls.ClientTLSLayer, "client_hello_parsed"),
]


@pytest.mark.parametrize(("user", "owner", "names"), ATTRIBUTES)
def test_an_attribute_is_declared(user: str, owner: type, names: str) -> None:
    declared = {name for each in owner.__mro__ for name in inspect.get_annotations(each)}

    assert (user, set()) == (user, set(names.split()) - declared)


def test_the_mode_of_a_stream_is_a_cached_property_that_can_be_filled() -> None:
    assert isinstance(inspect.getattr_static(http_layers.HttpStream, "mode"), cached_property)


def test_body_readers_are_chosen_as_we_think() -> None:
    assert type(_http1.make_body_reader(None)) is ChunkedReader
    assert type(_http1.make_body_reader(-1)) is Http10Reader
    assert type(_http1.make_body_reader(5)) is ContentLengthReader


def test_a_chunked_reader_tells_of_trailers_as_we_think() -> None:
    buffer = ReceiveBuffer()
    buffer += b"0\r\nX: 1\r\n\r\n"

    assert ChunkedReader()(buffer) == h11.EndOfMessage(headers=[("X", "1")])


def test_hooks_are_values_with_one_field_that_block_their_layer() -> None:
    for name in fail_closed.HOOKS:
        hook: Any = mitmproxy.hooks.all_hooks[name]
        assert [hook.__name__, len(fields(hook))] == [hook.__name__, 1]
        if not name.startswith(("client_", "server_")):
            assert hook.blocking is True, name


def test_our_own_hooks_have_the_names_under_which_they_are_called() -> None:
    ours: list[Any] = [
        our_http1.UnreadableHeadHook,
        tunnels.TunnelHelloHook,
        tunnels.TunnelRawHook,
        tunnels.TunnelBrokenHook,
        opening.QuicHelloHook,
    ]
    names = ["unreadable_head", "tunnel_hello", "tunnel_raw", "tunnel_broken", "quic_hello"]

    assert [hook.name for hook in ours] == names


def test_a_flow_that_was_killed_is_known_by_its_error() -> None:
    assert flow.Error.KILLED_MESSAGE
    assert "KILLED_MESSAGE" in inspect.getsource(http_layers.HttpStream.check_killed)


def test_what_is_no_business_of_a_tunnel_is_handed_to_the_layer_in_it() -> None:
    """So that a side hears through the TLS around it, and everything that it says is sealed."""
    source = inspect.getsource(tunnel.TunnelLayer._handle_event)  # noqa: SLF001 - the method that we lean on

    assert source.rstrip().endswith("yield from self.event_to_child(event)")


def test_the_status_of_an_error_code_is_none_where_no_answer_is_due() -> None:
    codes = {code.name: code.http_status_code() for code in _events.ErrorCode}

    assert codes["PASSTHROUGH_CLOSE"] is codes["KILL"] is codes["CLIENT_DISCONNECTED"] is None
    assert codes["CONNECT_FAILED"] == codes["GENERIC_SERVER_ERROR"] == 502
    assert codes["REQUEST_TOO_LARGE"] == 413


def test_wakeups_are_routed_to_the_layer_that_asked() -> None:
    source = inspect.getsource(http_layers.HttpLayer.event_to_child)

    assert "commands.RequestWakeup" in source
    assert issubclass(events.Wakeup, events.CommandCompleted)


def test_commands_that_nobody_knows_are_handed_upwards() -> None:
    assert issubclass(_base.ReceiveHttp, commands.Command)
    for source in (inspect.getsource(http_layers.HttpLayer.event_to_child), inspect.getsource(tunnel.TunnelLayer)):
        assert "yield command" in source


def test_the_name_of_an_open_connection_can_be_put_back() -> None:
    upstream = connection.Server(address=("192.0.2.1", 80))
    upstream.state = connection.ConnectionState.OPEN

    vars(upstream)["address"] = ("site.example", 80)

    assert upstream.address == ("site.example", 80)


READ_BY_OUR_LAYERS = (
    "proxy/context.py",
    "proxy/layer.py",
    "proxy/tunnel.py",
    "proxy/server.py",
    "proxy/layers/tls.py",
    "proxy/layers/websocket.py",
    "proxy/layers/http/__init__.py",
    "proxy/layers/http/_http1.py",
    "proxy/layers/http/_base.py",
)
_NOT_OPTIONS = {"Options", "add_option"}


def test_every_option_that_the_layers_read_has_a_hardened_value() -> None:
    folder = Path(str(mitmproxy.__file__)).parent
    texts = [(folder / each).read_text("utf-8") for each in READ_BY_OUR_LAYERS]
    read = {name for text in texts for name in re.findall(r"\boptions\.(\w+)", text)} - _NOT_OPTIONS

    assert read <= {field.name for field in fields(LayerOptions)} | {"proxyauth"}
    assert "connection_strategy" in read


def test_every_hardened_option_is_one_of_mitmproxy() -> None:
    defined = (Path(str(mitmproxy.__file__)).parent / "addons" / "proxyserver.py").read_text("utf-8")
    options: list[str] = Options().keys()  # type: ignore[no-untyped-call]  # mitmproxy does not annotate it
    known = {*options, *re.findall(r'add_option\(\s*"(\w+)"', defined)}

    assert {field.name for field in fields(LayerOptions)} - known == set()


def test_a_connection_that_closes_in_a_handshake_is_told_by_the_words_that_we_know() -> None:
    assert 'err = "connection closed"' in inspect.getsource(tunnel.TunnelLayer._handle_event)  # noqa: SLF001 - it is private, and watched here


def test_openssl_is_asked_for_what_pyopenssl_does_not_pass_on() -> None:
    lib = vars(SSL)["_lib"]
    functions = (
        "SSL_CTX_set1_curves_list",
        "SSL_CTX_set1_sigalgs_list",
        "SSL_get0_param",
        "SSL_get_verify_result",
        "SSL_session_reused",
        "X509_VERIFY_PARAM_set1_host",
        "X509_VERIFY_PARAM_set1_ip",
    )

    assert [each for each in functions if not callable(getattr(lib, each))] == []
    assert lib.X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | lib.X509_CHECK_FLAG_NEVER_CHECK_SUBJECT == 0x24
    assert SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD))._ssl  # noqa: SLF001 - it is private, and watched here
    assert SSL.Context(SSL.TLS_CLIENT_METHOD)._context  # noqa: SLF001 - it is private, and watched here


def test_the_hooks_that_end_an_exchange_are_the_ones_we_know() -> None:
    assert _hooks.HttpErrorHook.name == "error"
    assert _hooks.HttpResponseHook.name == "response"


@pytest.mark.parametrize(("kind", "data"), [(http.Request, http.RequestData), (http.Response, http.ResponseData)])
def test_a_message_is_its_data_and_nothing_else(kind: Any, data: Any) -> None:
    """As addons/judging/remembered.py makes them again."""
    made = kind.make(*(("GET", "http://a.example/") if kind is http.Request else (200,)))

    assert vars(made).keys() == {"data"}
    assert vars(made.data).keys() == {each.name for each in fields(data)}
    assert vars(made.headers).keys() == {"fields"}


def test_the_release_is_the_one_that_was_looked_at() -> None:
    assert version.VERSION.split(".")[:2] == ["12", "2"]
