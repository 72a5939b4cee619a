from __future__ import annotations

import pytest

from gateway.policy.addresses import AddressClass, Network
from gateway.policy.language import operands
from gateway.policy.language.conditions import ListRef, Span
from gateway.policy.language.declared import GROUP, LIST
from gateway.policy.language.patterns import Pattern
from gateway.policy.names import Host
from tests.reading import complaints, value

DECLARED = {LIST: {"office": "network", "ads": "domain", "odd": ""}, GROUP: {"engineering": ""}}


@pytest.mark.parametrize(
    ("wanted", "written"),
    [
        (Network.parse("10.0.0.0/8"), "10.0.0.0/8"),
        (Network.parse("10.1.2.3"), "10.1.2.3"),
        (Network.parse("2001:db8::/32"), "2001:db8::/32"),
        (Network.parse("10.0.0.0/8"), "::ffff:10.0.0.0/104"),  # the same network, mapped
        (AddressClass.LOOPBACK, "loopback"),
        (AddressClass.LINK_LOCAL, "link-local"),
        (ListRef("office"), '"@office"'),
        (ListRef("odd"), '"@odd"'),  # its own definition is complained about, not its use
    ],
)
def test_addresses_are_networks_classes_and_lists(wanted: object, written: str) -> None:
    assert wanted == value(operands.ADDRESSES, written, DECLARED)


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("`10.0.0.1/8` has host bits set, use `10.0.0.0/8`", "10.0.0.1/8"),
        ("`loopbak` is no class of addresses, did you mean `loopback`?", "loopbak"),
        ("`example.com` is not an IP address", "example.com"),
        ("the list `@ofice` is not declared, did you mean `@office`?", '"@ofice"'),
        ("the list `@zzz` is not declared, declare it under `lists`", '"@zzz"'),
        ("`@ads` is a list of type `domain`, here belongs one of type `network`", '"@ads"'),
    ],
)
def test_what_is_no_address_is_refused_with_the_way_out(said: str, written: str) -> None:
    assert [said] == complaints(operands.ADDRESSES, written, DECLARED)


@pytest.mark.parametrize(
    ("host", "written"),
    [
        ("example.com", "Example.COM."),
        ("xn--bcher-kva.example", "bücher.example"),
        ("127.0.0.1", "2130706433"),
        ("::1", '"[::1]"'),
    ],
)
def test_every_spelling_of_a_host_is_one_host(host: str, written: str) -> None:
    assert host == str(value(operands.HOST, written))


@pytest.mark.parametrize(
    ("said", "written"),
    [
        (
            (
                "`*.example.com`: there is no `*`, write `under: [example.com]` for the name and all below it, "
                "or `below: [example.com]` for only what is below"
            ),
            '"*.example.com"',
        ),
        ('a list belongs under `in`, write `{in: ["@ads"]}`', '"@ads"'),
        ("`https://example.com/` is a URL, write its host alone", "https://example.com/"),
        ("host `a b`: spaces are not allowed", "a b"),
    ],
)
def test_what_is_no_host_is_refused_with_the_way_out(said: str, written: str) -> None:
    assert [said] == complaints(operands.HOST, written)


def test_nothing_lies_below_an_address() -> None:
    assert value(operands.PARENT, "example.com") == Host.parse("example.com")
    assert complaints(operands.PARENT, "10.0.0.1") == [
        "nothing lies below the address `10.0.0.1`, write `{is: [10.0.0.1]}`"
    ]


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("`ads` is no list, did you mean `@ads`?", "ads"),
        ("`zzz` is no list, write `@name`, as under `lists`", "zzz"),
        ("`@office` is a list of type `network`, here belongs one of type `domain`", '"@office"'),
    ],
)
def test_a_list_of_names_is_one(said: str, written: str) -> None:
    assert value(operands.DOMAIN_LIST, '"@ads"', DECLARED) == ListRef("ads")
    assert [said] == complaints(operands.DOMAIN_LIST, written, DECLARED)


@pytest.mark.parametrize(
    ("span", "written"), [(Span(443, 443), "443"), (Span(8000, 8099), "8000-8099"), (Span(1, 65535), "1 - 65535")]
)
def test_ports_are_numbers_and_ranges(span: Span, written: str) -> None:
    assert span == value(operands.PORTS, written)


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("`0` is no port, they go from 1 to 65535", "0"),
        ("`80-65536` is no port, they go from 1 to 65535", "80-65536"),
        ("the range `90-80` runs backwards, write `80-90`", "90-80"),
        ("`https` is no port, write a number or a range like `1-65535`", "https"),
        ("`-80` is no port, write a number or a range like `1-65535`", "-80"),
    ],
)
def test_what_is_no_port_is_refused_with_the_way_out(said: str, written: str) -> None:
    assert [said] == complaints(operands.PORTS, written)


@pytest.mark.parametrize(
    ("span", "written"), [(Span(404, 404), "404"), (Span(500, 599), "5xx"), (Span(400, 418), "400-418")]
)
def test_statuses_are_numbers_ranges_and_hundreds(span: Span, written: str) -> None:
    assert span == value(operands.STATUSES, written)


@pytest.mark.parametrize("written", ["6xx", "99", "600", "5XX", "ok"])
def test_what_is_no_status_is_refused(written: str) -> None:
    assert "is no status" in complaints(operands.STATUSES, written)[0]


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("`get` is no method: methods are upper case, write `GET`", "get"),
        ("`GET IT` is no method: methods are upper case", "GET IT"),
    ],
)
def test_methods_are_upper_case(said: str, written: str) -> None:
    assert value(operands.METHOD, "M-SEARCH") == "M-SEARCH"
    assert [said] == complaints(operands.METHOD, written)


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("the group `engineers` is not declared, did you mean `engineering`?", "engineers"),
        ("the group `zzz` is not declared, declared are `engineering`", "zzz"),
    ],
)
def test_a_group_is_declared(said: str, written: str) -> None:
    assert value(operands.GROUP_NAME, "engineering", DECLARED) == "engineering"
    assert [said] == complaints(operands.GROUP_NAME, written, DECLARED)
    assert complaints(operands.GROUP_NAME, "x") == ["the group `x` is not declared, declare it under `groups`"]


@pytest.mark.parametrize(
    ("problem", "written"),
    [
        ("a path begins with `/`, write `/admin`", "admin"),
        ("there is no `*`, use `prefix` for all below a path, or `matches`", "/admin/*"),
        ("the query is no part of the path, ask for it by `query.<name>`", "/a?b=c"),
        ("paths are judged in canonical form, leave out `//`, `\\`, `.` and `..`", "/a//b"),
        ("paths are judged in canonical form, leave out `//`, `\\`, `.` and `..`", "/a/../b"),
        ("paths are judged decoded, write the character instead of its `%` code", "/%61dmin"),
    ],
)
def test_a_path_that_no_request_could_have_is_refused(problem: str, written: str) -> None:
    assert value(operands.PATH, "/ädmin/x y/100%") == "/ädmin/x y/100%"
    assert [f"path `{written}`: {problem}"] == complaints(operands.PATH, written)


def test_a_prefix_is_whole_segments() -> None:
    assert value(operands.PREFIX, "/") == "/"
    assert value(operands.PREFIX, "/admin") == "/admin"
    assert value(operands.PREFIX, "/admin/") == "/admin"
    assert complaints(operands.PREFIX, "/admin/*") == [
        "path `/admin/*`: there is no `*`, use `prefix` for all below a path, or `matches`"
    ]


@pytest.mark.parametrize(
    ("wanted", "shape", "written"),
    [
        ("DE", operands.COUNTRY, "DE"),
        (64496, operands.AS_NUMBER, "64496"),
        (64496, operands.AS_NUMBER, "AS64496"),
        (4294967295, operands.AS_NUMBER, "4294967295"),
        ("text/html", operands.MEDIA_TYPE, "Text/HTML"),
        ("application/vnd.ms-excel", operands.MEDIA_TYPE, "application/vnd.ms-excel"),
        (Pattern("/item/[0-9]+"), operands.PATTERN, "'/item/[0-9]+'"),
        (Network.parse("10.0.0.0/8"), operands.NETWORK, "10.0.0.0/8"),
    ],
)
def test_other_values_are_read_to_their_canonical_form(wanted: object, shape: object, written: str) -> None:
    assert wanted == value(shape, written)  # type: ignore[arg-type]  # shapes of many types in one table


@pytest.mark.parametrize(
    ("said", "shape", "written"),
    [
        ("`de` is no country, write its two capital letters, like `DE`", operands.COUNTRY, "de"),
        ("`0` is no number of a network, write it like `64496`", operands.AS_NUMBER, "0"),
        ("`4294967296` is no number of a network, write it like `64496`", operands.AS_NUMBER, "4294967296"),
        ("`image/*` is no media type, name each one in full, like `text/html`", operands.MEDIA_TYPE, "image/*"),
        ("`html` is no media type, name each one in full, like `text/html`", operands.MEDIA_TYPE, "html"),
        ("pattern `(`: a `(` is opened but never closed: `(`", operands.PATTERN, "("),
        ("a list cannot stand here, here belongs a pattern", operands.PATTERN, "[a]"),
    ],
)
def test_other_values_that_make_no_sense_are_refused(said: str, shape: object, written: str) -> None:
    assert [said] == complaints(shape, written)  # type: ignore[arg-type]  # shapes of many types in one table
