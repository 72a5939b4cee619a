from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mitmproxy.connection import Client, Server
from mitmproxy.flow import Flow
from mitmproxy.http import Headers, HTTPFlow, RequestData, ResponseData
from mitmproxy.net.http.http1 import read_request_head
from mitmproxy.proxy.commands import StartHook
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http._hooks import HttpErrorHook
from mitmproxy.test.tutils import treq, tresp

from addons.serving import quicker
from addons.serving.options import LayerOptions, for_layers

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = ["Host", "host", "HOST", "Cookie", "cookie", "X-A", "x-b", "Hüte", "Content-Length"]
FIELDS = st.lists(st.tuples(st.sampled_from([name.encode() for name in NAMES]), st.binary(max_size=8)), max_size=6)
# What mitmproxy does, kept before any other test of this process can have replaced it.
SLOW = {name: getattr(Headers, name) for name in ("get_all", "get", "__getitem__", "__contains__")}


@given(fields=FIELDS, name=st.sampled_from([*NAMES, *(name.encode() for name in NAMES), "absent", b""]))
def test_the_quick_way_finds_the_same_fields(fields: list[tuple[bytes, bytes]], name: str | bytes) -> None:
    headers = Headers(fields)

    assert SLOW["get_all"](headers, name) == quicker.get_all(headers, name)
    assert SLOW["get"](headers, name) == quicker.get(headers, name)
    assert SLOW["get"](headers, name, "other") == quicker.get(headers, name, "other")
    assert SLOW["__contains__"](headers, name) == quicker.contains(headers, name)
    assert raised(SLOW["__getitem__"], headers, name) == raised(quicker.get_item, headers, name)


@pytest.mark.parametrize("name", [7, 1.5, ("Host",)])
def test_what_is_no_name_is_refused_by_both(name: Any) -> None:
    headers = Headers([(b"Host", b"a.example")])

    for slow, quick in (("get_all", quicker.get_all), ("get", quicker.get), ("__contains__", quicker.contains)):
        assert raised(SLOW[slow], headers, name) == raised(quick, headers, name)
        assert raised(quick, headers, name)[0] is TypeError


def raised(method: Callable[..., Any], *arguments: Any) -> tuple[Any, Any]:
    """What a call gives or raises."""
    try:
        return None, method(*arguments)
    except (KeyError, TypeError) as error:
        return type(error), error.args


REQUEST: dict[str, Any] = vars(treq().data)
RESPONSE: dict[str, Any] = vars(tresp().data)


@pytest.mark.parametrize("data", [RequestData(**REQUEST), ResponseData(**RESPONSE)])
def test_a_message_as_it_should_be_passes_the_check(data: RequestData | ResponseData) -> None:
    quicker.check_types(data)


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("http_version", b"HTTP/1.0", "HTTP/1.0"),
        ("headers", Headers(), []),
        ("content", None, "text"),
        ("content", b"", 7),
        ("trailers", Headers(), {}),
        ("timestamp_start", 1, "1"),
        ("timestamp_end", None, b""),
        ("port", True, "80"),
        ("path", b"/", None),
    ],
)
def test_a_value_of_another_type_is_refused_as_before(name: str, right: object, wrong: object) -> None:
    data = RequestData(**REQUEST)

    setattr(data, name, right)
    quicker.check_types(data)
    setattr(data, name, wrong)
    with pytest.raises(TypeError, match=f"Expected .* for {name}, but got"):
        quicker.check_types(data)


def test_a_forked_context_is_the_one_that_mitmproxy_makes() -> None:
    client = Client(peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2), timestamp_start=1.0)
    context = Context(client, for_layers(LayerOptions()))
    context.server = Server(address=("a.example", 80))
    context.layers = [object()]  # type: ignore[list-item]  # nobody looks at it

    forked = quicker.fork(context)

    assert vars(Context.fork(context)) == vars(forked)
    assert forked.layers is not context.layers


def test_what_was_quickened_works_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    for owner, names in REPLACED.items():
        for name in names:
            monkeypatch.setattr(owner, name, getattr(owner, name))

    quicker.quicken()
    request = read_request_head([b"GET / HTTP/1.1", b"Host: a.example", b"Cookie: a=1", b"cookie: b=2"])

    assert (request.headers["HOST"], request.headers.get_all("cookie")) == ("a.example", ["a=1", "b=2"])
    assert Headers.get_all is quicker.get_all
    with pytest.raises(TypeError, match="for port"):
        RequestData(**{**REQUEST, "port": "80"})


REPLACED: dict[type, tuple[str, ...]] = {
    RequestData.__mro__[1]: ("__post_init__",),
    Context: ("fork",),
    Headers: ("get_all", "get", "__getitem__", "__contains__"),
    StartHook: ("__new__",),
    Flow: ("__init__",),
}


def test_a_flow_has_all_that_mitmproxys_own_has_and_an_id_of_its_own() -> None:
    client, server = Client(peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2)), Server(address=("a.example", 80))
    slow, quick, other = HTTPFlow(client, server, live=True), HTTPFlow.__new__(HTTPFlow), HTTPFlow.__new__(HTTPFlow)

    quicker.begin_flow(quick, client, server, live=True)
    quicker.begin_flow(other, client, server)

    assert {**vars(slow), "id": 0, "timestamp_created": 0} == {**vars(quick), "id": 0, "timestamp_created": 0}
    assert quick.id != other.id


def test_a_hook_is_made_of_its_class_and_never_of_the_common_one() -> None:
    assert isinstance(quicker.new_hook(HttpErrorHook, object()), HttpErrorHook)
    with pytest.raises(TypeError, match="directly"):
        quicker.new_hook(StartHook)
