"""Other projects' tables of hosts and addresses, and where and why Wicketgate answers differently.

The full tables lie beside the repository; where they are absent, the rows below stand for them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.policy.addresses import Address, AddressClass, Network, classify, is_special
from gateway.policy.errors import Malformed
from gateway.policy.names import Host, parse_authority

DATA: Final = Path(__file__).parents[2].parent / "shared" / "data"
VECTORS: Final = DATA / "vectors"

OWN_TO_ASCII: Final[list[Any]] = [
    {"input": "a†--", "output": "xn--a---kp0a"},
    {"input": "x..ß", "output": "x..xn--zca"},
    {"input": "xn--a", "output": "xn--a"},
    {"input": "xn--a.ß", "output": None},
    {"input": "\u200d.example", "output": None},
    {"input": "look\u2060out.net", "output": "lookout.net"},
    {"input": "<\u0338", "output": "xn--gdh"},
    {"input": "gOoGle.com", "output": "google.com"},
]
OWN_SMOKESCREEN: Final[list[Any]] = [
    {"kind": "ip", "ip": "8.8.8.8", "port": 1, "result": "ipAllowDefault"},
    {"kind": "ip", "ip": "10.0.0.1", "port": 1, "result": "ipDenyPrivateRange"},
    {"kind": "ip", "ip": "100.127.255.254", "port": 1, "result": "ipDenyCGNAT"},
    {"kind": "ip", "ip": "169.254.169.254", "port": 1, "result": "ipDenyNotGlobalUnicast"},
    {"kind": "ip", "ip": "64:ff9b::808:808", "port": 1, "result": "ipDenyIPv6Embedding"},
    {"kind": "ip", "ip": "64:ff9c::1", "port": 1, "result": "ipAllowDefault"},
    {"kind": "hostport", "row": ["example.net.:1337", "example.net.", "example.net."]},
    {"kind": "hostport", "row": ["[127.0.0.1]:1337", "127.0.0.1", "127.0.0.1"]},
    {"kind": "hostport", "row": ["2001:DB8::1337", "", ""]},
]


def rows(file: str, own: list[Any]) -> list[Any]:
    path = VECTORS / file
    return list(json.loads(path.read_text("utf-8"))) if path.exists() else own


TO_ASCII: Final = [row for row in rows("wpt-toascii.json", OWN_TO_ASCII) if isinstance(row, dict)]
SMOKESCREEN: Final = rows("smokescreen-tables.json", OWN_SMOKESCREEN)

STRICTER_THAN_A_BROWSER: Final = {
    "browsers only lower-case an ASCII name; here an A-label has to be the encoding of a label": {
        "xn--a",
        "xn--a.xn--zca",
        "xn--ls8h=",
        "xn--1ug.example",
        "xn--a-yoc",
        "xn--zn7c.com",
        "xn--0.com",
    },
    "a name with empty parts resolves nowhere": {"x..xn--zca", "x..ß"},
    "the lengths of RFC 1035 hold: a browser leaves them to the resolver": {
        row["input"] for row in TO_ASCII if len(row["input"]) >= 63
    },
}


@pytest.mark.parametrize("row", TO_ASCII, ids=lambda row: ascii(row["input"])[:40])
def test_international_names_map_as_in_browsers_or_are_refused(row: dict[str, str | None]) -> None:
    stricter = any(row["input"] in inputs for inputs in STRICTER_THAN_A_BROWSER.values())

    assert (None if stricter else row["output"]) == host_or_none(str(row["input"]))


def host_or_none(text: str) -> str | None:
    try:
        return Host.parse(text).text
    except Malformed:
        return None


ALLOWED_BY_SMOKESCREEN_ONLY: Final = {
    "64:ff9c::1": "it lies outside of 2000::/3, where nothing is assigned to public servers",
}
CONFIGURED: Final = {"ipAllowUserConfigured", "ipDenyUserConfigured", "ipDenySelfConnection"}


@pytest.mark.parametrize(
    "row",
    [row for row in SMOKESCREEN if row["kind"] == "ip" and row["result"] not in CONFIGURED],
    ids=lambda row: f"{row['ip']}-{row['port']}",
)
def test_what_smokescreen_refuses_unasked_is_special_here_too(row: dict[str, str]) -> None:
    wanted = row["result"].startswith("ipDeny") or row["ip"] in ALLOWED_BY_SMOKESCREEN_ONLY

    assert wanted is is_special(Address.parse(row["ip"]))


def test_cgnat_is_told_apart_from_private_ranges() -> None:
    cgnat = {row["ip"] for row in SMOKESCREEN if row.get("result") == "ipDenyCGNAT"}

    assert {AddressClass.CGNAT} == {classify(Address.parse(ip)) for ip in cgnat}


REFUSED_HERE: Final = {
    "[example.net.]:1337": "brackets are for IPv6 addresses; smokescreen was evaded by `[name]` once",
    "[127.0.0.1]:1337": "brackets are for IPv6 addresses",
    "[example.net]:1337": "brackets are for IPv6 addresses",
    "[2001:DB8::1337]:91337": "there is no such port",
    "[2001:DB8::1337]:007": "a port has one spelling",
    "[2001:DB8::1337]:-12": "there is no such port",
    "[2001:DB8::1337]:https": "service names are looked up differently on every machine",
    "\U0001f510.example.com:007": "a port has one spelling",
}


@pytest.mark.parametrize(
    "row",
    [
        row["row"]
        for row in SMOKESCREEN
        if row["kind"] == "hostport" and row["row"][0] not in {"http", "https", "smtp", "unknown"}
    ],
    ids=lambda row: ascii(row[0]),
)
def test_authorities_are_read_as_smokescreen_reads_them_or_refused(row: list[str]) -> None:
    text, host, _ = row
    wanted = None if text in REFUSED_HERE or not host else host.removesuffix(".")

    assert wanted == connect_host(text)


def connect_host(text: str) -> str | None:
    try:
        return parse_authority(text, None)[0].text
    except Malformed:
        return None


OWN_NAMES: Final = (
    "0.0.0.0 0.0.0.0.example.com\n0.0.0.0 _dmarc.foo-.example\n0.0.0.0 -a--b.example # odd\n0.0.0.0 1-2-3.example\n"
)
OWN_ADDRESSES: Final = "# comment\n1.2.3.4\n198.51.100.0/24\n2001:db8::/32\n"


def lines(file: str, own: str) -> list[list[str]]:
    path = DATA / file
    text = path.read_text("utf-8") if path.exists() else own
    return [words for line in text.splitlines() if (words := line.partition("#")[0].split())]


def test_real_lists_hold_names_that_are_canonical_as_they_stand() -> None:
    names = [name for _, *names in lines("hosts-basic.txt", OWN_NAMES) for name in names]

    assert names
    assert [name for name in names if host_or_none(name) != name] == []


@pytest.mark.parametrize("file", ["addresses-ipsum.txt", "networks.netset"])
def test_real_lists_hold_networks_that_are_canonical_as_they_stand(file: str) -> None:
    networks = [line[0] for line in lines(file, OWN_ADDRESSES)]

    assert networks
    assert [text for text in networks if text not in str(Network.parse(text))] == []
