from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gateway.policy.addresses import Address
from gateway.policy.errors import Malformed, TooLong
from gateway.policy.names import Host, parse_authority

ROOT = Path(__file__).parents[3]


def test_a_trailing_dot_case_or_script_does_not_make_another_host() -> None:
    assert {Host.parse("b\u00fccher.example")} == set(
        map(Host.parse, ["B\u00dcCHER.example.", "xn--bcher-kva.EXAMPLE..", "bu\u0308cher\u3002example"])
    )


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("127.0.0.1", "0x7f.1"),
        ("127.0.0.1", "\uff11\uff12\uff17.1"),
        ("10.0.0.1", "[::ffff:10.0.0.1]"),
        ("::1", "[::1]"),
        (None, "localhost"),
        (None, "1.example"),
    ],
)
def test_a_host_knows_the_address_that_it_is(address: str | None, text: str) -> None:
    host = Host.parse(text)

    assert (Address.parse(address) if address else None) == host.address
    assert str(host) == host.text == (address or text)


def test_an_address_becomes_a_host_without_parsing() -> None:
    assert Host.of(Address.parse("::1")) == Host.parse("[::1]")


@pytest.mark.parametrize(
    ("sentence", "text", "address"),
    [
        ("it is not a canonical name", "Example.com", None),
        ("it is not a canonical name", "example.com.", None),
        ("it is not a canonical name", "", None),
        ("it is not a canonical name", "a b", None),
        ("it is not a canonical name", "127.0.0.1", None),
        ("it is not a canonical name", "2130706433", None),
        ("it is not a canonical name", "b\u00fccher.example", None),
        ("it is not a canonical name", "a" * 64, None),
        ("it is not the text of the address 127.0.0.1", "127.1", "127.0.0.1"),
        ("it is not the text of the address ::1", "[::1]", "::1"),
        ("it is not the text of the address 10.0.0.1", "public.example", "10.0.0.1"),
    ],
)
def test_a_host_that_is_not_canonical_cannot_be_made(sentence: str, text: str, address: str | None) -> None:
    with pytest.raises(Malformed, match=sentence):
        Host(text, Address.parse(address) if address else None)


@pytest.mark.parametrize("text", ["a" * 64, "\u00fc" * 60, ".".join(["a" * 49] * 6), "a" * 513, "\u00ad" * 513 + "a"])
def test_a_name_above_the_bounds_is_too_long(text: str) -> None:
    with pytest.raises(TooLong, match="has at most"):
        Host.parse(text)


def test_a_name_at_the_bounds_is_accepted() -> None:
    longest = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 61])

    assert len(longest) == 253
    assert Host.parse(longest + ".").text == longest


@pytest.mark.parametrize(
    "text",
    ["user:secret@example.com", "secret\uff20example.com", "secret\ufe6b\u0378", "se cret@h", "secret@" + "h" * 600],
)
def test_a_refusal_never_repeats_user_information(text: str) -> None:
    for read in (Host.parse, lambda each: parse_authority(each, 80)):
        with pytest.raises(Malformed, match="user information") as refusal:
            read(text)

        assert "secret" not in str(refusal.value)
        assert "se cret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("labels", "parents", "text"),
    [
        (("a", "b", "c"), ["a.b.c", "b.c", "c"], "a.b.c"),
        (("localhost",), ["localhost"], "localhost"),
        ((), [], "10.0.0.1"),
        ((), [], "[::1]"),
    ],
)
def test_a_name_lists_its_labels_and_its_parents(labels: tuple[str, ...], parents: list[str], text: str) -> None:
    assert labels == Host.parse(text).labels()
    assert parents == list(Host.parse(text).parents())


@pytest.mark.parametrize(
    ("under", "below", "host", "other"),
    [
        (True, False, "example.com", "example.com"),
        (True, True, "www.example.com", "example.com"),
        (True, True, "a.b.example.com", "com"),
        (False, False, "notexample.com", "example.com"),
        (False, False, "example.com", "www.example.com"),
        (False, False, "example.com.evil.example", "example.com"),
        (True, False, "10.0.0.1", "10.0.0.1"),
        (False, False, "10.0.0.1", "0.0.0.1"),
        (False, False, "1.2.3.4.example", "1.2.3.4"),
        (False, False, "10.0.0.1", "example.com"),
        (True, False, "[::ffff:10.0.0.1]", "10.0.0.1"),
    ],
)
def test_under_means_the_name_and_all_below_and_below_only_what_is_below(
    *, under: bool, below: bool, host: str, other: str
) -> None:
    assert under is Host.parse(host).is_under(Host.parse(other))
    assert below is Host.parse(host).is_below(Host.parse(other))


@pytest.mark.parametrize(
    ("authority", "host", "port", "default"),
    [
        ("example.com", "example.com", 443, 443),
        ("example.com:8443", "example.com", 8443, 443),
        ("example.com:443", "example.com", 443, None),
        ("[2001:db8::1]", "2001:db8::1", 443, 443),
        ("[2001:db8::1]:80", "[2001:db8::1]", 80, 443),
        ("10.0.0.1:80", "10.0.0.1", 80, 443),
    ],
)
def test_an_authority_is_written_as_it_would_be_read(authority: str, host: str, port: int, default: int | None) -> None:
    assert authority == Host.parse(host).authority(port, default)
    assert parse_authority(authority, default) == (Host.parse(host), port)


@pytest.mark.parametrize(
    ("host", "port", "text"),
    [
        ("example.com", 443, "EXAMPLE.com."),
        ("example.com", 1, "example.com.:1"),
        ("example.com", 65535, "example.com:65535"),
        ("127.0.0.1", 80, "2130706433:80"),
        ("127.0.0.1", 80, "[::ffff:127.0.0.1]:80"),
        ("xn--bcher-kva.example", 80, "b\u00fccher.example:80"),
    ],
)
def test_an_authority_holds_any_spelling_of_a_host(host: str, port: int, text: str) -> None:
    assert (Host.parse(host), port) == parse_authority(text, 443)


@pytest.mark.parametrize(
    ("sentence", "text"),
    [
        ("a name has no empty parts", ""),
        ("a plain number from 1 to 65535", "example.com:"),
        ("a plain number from 1 to 65535", "example.com:0"),
        ("a plain number from 1 to 65535", "example.com:080"),
        ("a plain number from 1 to 65535", "example.com:65536"),
        ("a plain number from 1 to 65535", "example.com:99999"),
        ("a plain number from 1 to 65535", "example.com:+80"),
        ("a plain number from 1 to 65535", "example.com:-80"),
        ("a plain number from 1 to 65535", "example.com:80 "),
        ("a plain number from 1 to 65535", "example.com:http"),
        ("a plain number from 1 to 65535", "example.com:\u0668\u0660"),
        ("brackets go around a whole IPv6 address only", "[::1]80"),
        ("brackets go around a whole IPv6 address only", "[::1].:80"),
        ("a name has no empty parts", ":80"),
        ("IPv6 addresses are written like", "::1"),
        ("IPv6 addresses are written like", "::"),
        ("IPv6 addresses are written like", "2001:db8::1:443"),
        ("IPv6 addresses are written like", "example.com:80:443"),
        ("brackets go around a whole IPv6 address only", "[::1"),
        ("brackets go around a whole IPv6 address only", "[localhost]:80"),
        ("zone id", "[fe80::1%eth0]:80"),
        ("a host is not a URL", "example.com/x"),
        ("spaces are not allowed", "example.com :80"),
        ("`,` is not allowed", "a.example, b.example"),
    ],
)
def test_an_odd_authority_is_refused_in_plain_words(sentence: str, text: str) -> None:
    with pytest.raises(Malformed, match=sentence):
        parse_authority(text, 443)


@pytest.mark.parametrize("text", ["example.com", "10.0.0.1", "[::1]"])
def test_connect_has_to_name_its_port(text: str) -> None:
    with pytest.raises(Malformed, match="the port is missing, write `host:port`"):
        parse_authority(text, None)


def test_plain_names_are_read_without_loading_the_tables_of_idna() -> None:
    program = (
        "import sys; from gateway.policy.names import Host; "
        "Host.parse('www.Example.com.'); Host.parse('0x7f.1'); assert 'idna' not in sys.modules; "
        "Host.parse('xn--bcher-kva.example'); assert 'idna' in sys.modules"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False, cwd=ROOT).returncode == 0
