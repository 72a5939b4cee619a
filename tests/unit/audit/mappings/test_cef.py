from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.mappings.cef import mapping
from gateway.audit.mappings.parts import Producer
from tests.unit.audit.samples import SAMPLES

if TYPE_CHECKING:
    from gateway.audit.records.record import Record

KEY = re.compile(r"(?:^|(?<= ))([A-Za-z0-9]+)=")
texts = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=60)


def read(line: str) -> tuple[list[str], dict[str, str]]:
    """Header and extension of a line, read as the standard says and without our own code."""
    parts = re.fullmatch(r"((?:[^\\|]|\\.)*)\|" * 7 + "(.*)", line)
    assert parts is not None
    *header, extension = parts.groups()
    pieces = re.split(r"(?:^| )([A-Za-z0-9]+)(?<!\\)=", extension)
    names, values = pieces[1::2], pieces[2::2]
    assert len(names) == len(set(names)), line
    return [unescaped(each) for each in header], dict(zip(names, map(unescaped, values), strict=True))


def unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "r": "\r"}.get(found[1], found[1]), text)


def denied(**request: object) -> Record:
    sample = SAMPLES["denied"]
    return sample | {"seq": 7, "request": sample["request"] | request}


@pytest.mark.parametrize("name", SAMPLES)
def test_every_record_is_one_line_with_seven_parts_of_a_header(name: str) -> None:
    line = mapping({"v": 1, "seq": 7} | SAMPLES[name], Producer("0.1.0", "gw-1"))
    header, extension = read(line)

    assert header[:4] == ["CEF:0", "Wicketgate", "Wicketgate", "0.1.0"]
    assert 0 <= int(header[6]) <= 10
    assert (extension["cat"], extension["externalId"]) == (SAMPLES[name]["event"], "gw-1:7")
    assert line.isprintable()


def test_a_denial_says_who_asked_for_what_and_which_rule_refused() -> None:
    header, extension = read(mapping(denied()))

    assert header[4:6] == ["rule-deny", "decision: rule-deny"]
    wanted = {
        "rt": "1795428000123",
        "act": "deny",
        "outcome": "403",
        "src": "10.1.2.3",
        "spt": "51000",
        "suser": "alice",
        "dst": "93.184.216.34",
        "dhost": "ads.example",
        "request": "https://ads.example/x?token=REDACTED&page=REDACTED",
        "cs1Label": "rule",
        "cs1": "no-ads",
    }
    assert {name: extension[name] for name in wanted} == wanted


def test_a_client_that_is_not_named_by_an_address_has_none() -> None:
    _, extension = read(mapping({"seq": 1} | SAMPLES["hidden"]))

    assert "src" not in extension
    assert (extension["cs4Label"], extension["cs4"]) == ("client", "client-2026-11-" + "a" * 20)


@given(user=texts, version=texts)
def test_no_value_begins_another_field_another_part_or_another_line(user: str, version: str) -> None:
    sample = denied()
    record = sample | {"client": {"ip": None, "port": None, "user": user, "groups": []}}
    plain = read(mapping(denied()))[1]

    line = mapping(record, Producer(version))
    header, extension = read(line)

    assert line.isprintable()
    assert len(header) == 7
    assert header[3] == "".join(each if each.isprintable() else " " for each in version)
    assert extension.keys() - plain.keys() == set()
    shown = "".join(each if each.isprintable() or each in "\r\n" else " " for each in user)
    assert extension["suser"].rstrip(" ") == shown.rstrip(" ")


@given(text=st.text("=|\\ \n\rabc", max_size=40))
def test_a_message_full_of_marks_comes_back_as_it_was(text: str) -> None:
    _, extension = read(mapping({"seq": 1} | SAMPLES["stop"] | {"event": "end", "id": text}))

    assert extension["sessionId"].rstrip(" ") == text.rstrip(" ")


def test_what_no_receiver_would_take_is_left_out_and_named() -> None:
    record = {"seq": 1} | SAMPLES["key"] | {"note": "=" * 5000, "outcome": "x" * 64}
    _, extension = read(mapping(record))

    assert extension["act"] == "x" * 63
    assert extension["cs6"] == '{"day":"2026-11-23","key":"gw+00000000+AA==","outcome":"' + "x" * 64 + '"}'
    assert (extension["flexString1Label"], extension["flexString1"]) == ("cut", "act note")
