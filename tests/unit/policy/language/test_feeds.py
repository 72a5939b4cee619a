from __future__ import annotations

import pytest

from gateway.policy.errors import Malformed
from gateway.policy.language.feeds import parse_digest, parse_feed
from tests.reading import objections


@pytest.mark.parametrize(
    ("wanted", "url"),
    [
        (("lists.example", 443, "/"), "https://lists.example"),
        (("lists.example", 443, "/ads.hosts?all=1"), "https://Lists.Example/ads.hosts?all=1"),
        (("192.0.2.1", 8443, "/a"), "https://192.0.2.1:8443/a"),
        (("2001:db8::1", 443, "/a"), "https://[2001:db8::1]/a"),
    ],
)
def test_a_url_names_a_server_and_what_to_ask_it_for(wanted: tuple[str, int, str], url: str) -> None:
    feed = parse_feed(url)

    assert (feed.host.text, feed.port, feed.target) == wanted
    assert feed.url == url


@pytest.mark.parametrize(
    ("why", "url"),
    [
        ("over https alone", "http://lists.example/a"),
        ("over https alone", "file:///etc/passwd"),
        ("a user in it", "https://me:secret@lists.example/a"),
        ("leave out `#`", "https://lists.example/a#b"),
        ("leave out `#`", "https://lists.example/a b"),
        ("leave out `#`", "https://lists.example/a\r\nX: y"),
        ("port", "https://lists.example:0/a"),
        ("port", "https://lists.example:x/a"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(why: str, url: str) -> None:
    with pytest.raises(Malformed, match=why):
        parse_feed(url)


def test_a_digest_is_one_of_sha256() -> None:
    assert parse_digest("sha256:" + "a" * 64) == "sha256:" + "a" * 64
    with pytest.raises(Malformed, match="64 digits"):
        parse_digest("sha256:abc")


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("lists.x: `file`, `url` cannot stand together", "{type: network, file: a, url: 'https://a.example/'}"),
        (
            "lists.x.refresh: a list is fetched at most once a minute",
            "{type: network, url: 'https://a.example/', refresh: 1s}",
        ),
        ("lists.x: `refresh` needs `url` beside it", "{type: network, file: a, refresh: 1d}"),
        ("lists.x: `ca` needs `url` beside it", "{type: network, items: [10.0.0.0/8], ca: a.pem}"),
        ("lists.x: `max_age` needs `file` beside it", "{type: network, items: [10.0.0.0/8], max_age: 1d}"),
    ],
)
def test_keys_stand_with_what_they_are_about(said: str, written: str) -> None:
    (objection,) = objections(f"lists: {{x: {written}}}")
    assert objection.startswith(said)
