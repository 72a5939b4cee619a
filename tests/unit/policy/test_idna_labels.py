from __future__ import annotations

import pytest

from gateway.policy.errors import Malformed, TooLong
from gateway.policy.idna_labels import to_ascii


@pytest.mark.parametrize(
    ("ascii_name", "name"),
    [
        ("xn--bcher-kva.example", "B\u00fccher.Example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("xn--jv8h", "\U0001f510"),
        ("xn--1ch", "=\u0338"),
        ("a..b.", "a\u3002\uff0eb\uff61"),
        ("127.0.0.1", "\uff11\uff12\uff17.\uff10.\uff10.\uff11"),
        ("a%b c", "a\uff05b c"),
        ("", "\u00ad"),
        ("xn--4db.example.", "\u05d0.example."),
    ],
)
def test_labels_are_mapped_and_what_is_ascii_then_is_left_to_the_caller(ascii_name: str, name: str) -> None:
    assert ascii_name == to_ascii(name)


@pytest.mark.parametrize(
    ("sentence", "name"),
    [
        ("it is not a valid international name", "xn--a"),
        ("it is not a valid international name", "\u05d0a"),
        ("it is not a valid international name", "0a.\u05d0"),
        ("it is not a valid international name", "\u0308a"),
        ("it is not a valid international name", "xn--99999999999999"),
        ("`xn---bbk` is not the encoding of an international label", "xn---bbk"),
        ("`xn--` is not the encoding of an international label", "xn--"),
        ("`xn--a-` is not the encoding of an international label", "xn--a-"),
        ("is not a canonical international label", "xn--" + "\u00dc".encode("punycode").decode()),
        ("is not a canonical international label", "xn--" + "u\u0308".encode("punycode").decode()),
        ("is not a canonical international label", "xn--" + "xn--\u00fc".encode("punycode").decode()),
        ("is not a canonical international label", "xn--" + "a\u3002b".encode("punycode").decode()),
        ("mixes an encoded label with other letters", "xn--\u00fc"),
        ("an invisible joiner is not allowed here", "a\u200db"),
    ],
)
def test_a_label_with_a_second_spelling_is_refused(sentence: str, name: str) -> None:
    with pytest.raises(Malformed) as refusal:
        to_ascii(name)

    assert sentence in str(refusal.value)


def test_a_joiner_stands_where_a_script_needs_it() -> None:
    assert to_ascii("\u0dc1\u0dca\u200d\u0dbb\u0dd3.com") == "xn--10cl1a0b660p.com"


def test_a_label_that_no_name_can_hold_is_not_encoded() -> None:
    with pytest.raises(TooLong, match="at most 63 bytes"):
        to_ascii("\u00fc" * 254)
