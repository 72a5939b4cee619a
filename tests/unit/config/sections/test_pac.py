from __future__ import annotations

import pytest

from gateway.config.settings import PacSettings
from gateway.policy.addresses import Network
from gateway.policy.names import Host
from tests.unit.config.objections import APP, FORWARD, REVERSE, objections, read


def test_hosts_names_with_all_below_and_networks_are_told_apart() -> None:
    direct = (
        '[Intranet.Example, .Corp.example, 10.0.0.0/8, 192.0.2.7, "2001:db8::/32", "[2001:db8::1]", bücher.example]'
    )

    assert read(
        f"listeners: [{FORWARD}]\npac: {{proxy: Proxy.corp.example:8080, direct: {direct}}}"
    ).pac == PacSettings(
        proxy=(Host.parse("proxy.corp.example"), 8080),
        hosts=(Host.parse("intranet.example"), Host.parse("xn--bcher-kva.example")),
        under=(Host.parse("corp.example"),),
        networks=tuple(map(Network.parse, ("10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32", "2001:db8::1/128"))),
    )


def test_without_the_section_nothing_goes_direct_and_the_proxy_is_where_it_was_asked() -> None:
    assert read(f"listeners: [{FORWARD}]").pac == PacSettings(proxy=None, hosts=(), under=(), networks=())


@pytest.mark.parametrize(
    ("objection", "pac"),
    [
        ("pac.proxy: authority `proxy.example`: the port is missing, write `host:port`", "{proxy: proxy.example}"),
        (
            "pac.proxy: `0.0.0.0:8080` is no address that a browser can reach, name one, `proxy.corp.example:8080`",
            "{proxy: 0.0.0.0:8080}",
        ),
        ("pac.proxy: host: user information before `@` is not allowed", '{proxy: "a:b@c:80"}'),
        ("pac.direct[0]: `*.a.example`: for a name and all below it write `.a.example`", '{direct: ["*.a.example"]}'),
        (
            "pac.direct[0]: `0.0.0.0/0` is every address there is: without a proxy, leave the gateway out",
            "{direct: [0.0.0.0/0]}",
        ),
        ("pac.direct[0]: `10.0.0.1/8` has host bits set, use `10.0.0.0/8`", "{direct: [10.0.0.1/8]}"),
        (
            "pac.direct[0]: `wicketgate.internal` is answered by the proxy itself, leave it out",
            "{direct: [wicketgate.internal]}",
        ),
        ("pac.direct[0]: `.10.0.0.1`: there is nothing below an address, leave out the dot", "{direct: [.10.0.0.1]}"),
        ('pac.direct[1]: host `a"b`: `"` is not allowed', "{direct: [ok.example, 'a\"b']}"),
        ("pac: unknown key `proxies`, did you mean `proxy`?", "{proxies: a:1}"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_way_out(objection: str, pac: str) -> None:
    assert objections(f"listeners: [{FORWARD}]\npac: {pac}") == [objection]


def test_a_configuration_that_nobody_serves_is_refused() -> None:
    assert objections(f"listeners: [{REVERSE}routes: [{{upstream: app}}]}}]\n{APP}pac: {{direct: [a.example]}}") == [
        "pac: only a forward listener serves a proxy auto-configuration, leave it out"
    ]
