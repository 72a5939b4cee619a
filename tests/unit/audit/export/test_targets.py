from __future__ import annotations

import pytest

from gateway.audit.export.targets import Scheme, Target, parse_target
from gateway.policy.errors import Malformed

SYSLOG: tuple[Scheme, ...] = ("tls", "tcp")
HTTP: tuple[Scheme, ...] = ("https", "http")


@pytest.mark.parametrize(
    ("wanted", "url", "schemes"),
    [
        (Target("tls", "logs.example", 6514), "tls://logs.example", SYSLOG),
        (Target("tls", "logs.example", 99), "tls://logs.example:99/", SYSLOG),
        (Target("tcp", "::1", 514), "tcp://[::1]:514", SYSLOG),
        (Target("https", "otel.example", 443, "/"), "https://otel.example", HTTP),
        (Target("http", "127.0.0.1", 4318, "/v1/logs?a=b"), "http://127.0.0.1:4318/v1/logs?a=b", HTTP),
    ],
)
def test_a_url_is_read(wanted: Target, url: str, schemes: tuple[Scheme, ...]) -> None:
    assert wanted == parse_target(url, schemes)


@pytest.mark.parametrize(
    ("why", "url", "schemes"),
    [
        ("user and password do not belong into a URL", "https://u:s3cret@otel.example/", HTTP),
        ("`ftp://x.example`: this kind of exporter needs `https://` or `http://`", "ftp://x.example", HTTP),
        ("`https://x.example`: this kind of exporter needs `tls://` or `tcp://`", "https://x.example", SYSLOG),
        ("`tcp://x.example`: say the port, like `tcp://x.example:514`", "tcp://x.example", SYSLOG),
        ("`tls://x.example:6514/a`: leave out what follows the port", "tls://x.example:6514/a", SYSLOG),
        ("`tls://` names no host", "tls://", SYSLOG),
        ("`tls://x:99999` is no URL of a receiver: its host or port makes no sense", "tls://x:99999", SYSLOG),
        ("it has characters that do not belong there", "https://x.example/a b", HTTP),
        ("it has characters that do not belong there", "https://x.example/\r\nX: y", HTTP),
    ],
)
def test_what_is_no_url_of_a_receiver_is_refused(why: str, url: str, schemes: tuple[Scheme, ...]) -> None:
    with pytest.raises(Malformed) as caught:
        parse_target(url, schemes)

    assert why in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_a_target_is_shown_without_its_query() -> None:
    assert str(Target("https", "::1", 443, "/a?token=s3cret")) == "https://[::1]:443/a"


@pytest.mark.parametrize(
    ("here", "host"),
    [
        (True, "127.0.0.1"),
        (True, "::1"),
        (True, "localhost"),
        (False, "localhost.example"),
        (False, "127.0.0.1.example"),
        (False, "10.0.0.1"),
    ],
)
def test_only_this_machine_is_here(here: bool, host: str) -> None:  # noqa: FBT001 - a parameter of the table
    assert here is Target("http", host, 80).is_here


def test_certificates_are_asked_for_over_tls_alone() -> None:
    assert [Target(scheme, "x", 1).is_encrypted for scheme in (*SYSLOG, *HTTP)] == [True, False, True, False]
