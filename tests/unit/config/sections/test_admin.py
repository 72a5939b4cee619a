from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.load import read_settings
from gateway.policy.problems import Invalid

BASE = "version: 1\nlisteners: [{name: a, mode: forward, bind: 127.0.0.1:1, policy: p}]\n"


def read(section: str) -> object:
    return read_settings(f"{BASE}admin: {section}\n", "w.yaml", Path("/etc/gateway")).admin


def test_there_is_none_unless_somebody_wants_it() -> None:
    assert read_settings(BASE, "w.yaml", Path()).admin is None
    assert read("off") is None


def test_all_of_it_can_be_said() -> None:
    found = read("{bind: '0.0.0.0:8090', hosts: [gw.example], tls: {certificate: a.pem, key: a.key}, metrics: open}")

    assert str(found) != ""
    settings = read_settings(f"{BASE}admin: {{bind: '[::1]:8090'}}\n", "w.yaml", Path()).admin
    assert settings is not None
    assert (settings.endpoint, settings.open_metrics, settings.hosts) == ("[::1]:8090", False, ())


def test_files_are_found_from_where_the_configuration_lies() -> None:
    text = f"{BASE}admin: {{bind: '127.0.0.1:8090', tls: {{certificate: a.pem, key: a.key}}}}\n"
    settings = read_settings(text, "w.yaml", Path("/etc/gateway")).admin

    assert settings is not None
    assert settings.tls is not None
    assert (settings.tls.certificate, settings.tls.key) == (Path("/etc/gateway/a.pem"), Path("/etc/gateway/a.key"))


@pytest.mark.parametrize(
    ("said", "section"),
    [
        ("can be reached from other machines", "{bind: '0.0.0.0:8090'}"),
        ("can be reached from other machines", "{bind: '[::]:8090', unsafe_without_tls: false}"),
        ("nothing to accept", "{bind: '127.0.0.1:8090', unsafe_without_tls: true}"),
        ("nothing to accept", "{bind: '10.0.0.1:1', tls: {certificate: a, key: b}, unsafe_without_tls: true}"),
        ("name the port", "{bind: '127.0.0.1:0'}"),
        ("no address to listen on", "{bind: nowhere}"),
        ("`bind` is missing", "{metrics: open}"),
        ("is unknown here", "{bind: '127.0.0.1:8090', metrics: some}"),
    ],
)
def test_what_would_surprise_is_refused(said: str, section: str) -> None:
    with pytest.raises(Invalid) as refused:
        read(section)

    assert said in str(refused.value.problems[0])


@pytest.mark.parametrize("url", ["http://127.0.0.1:8090", "http://localhost:8090", "http://a.example:8090"])
def test_no_upstream_leads_to_it(url: str) -> None:
    text = (
        f"{BASE}admin: {{bind: '127.0.0.1:8090'}}\nresolver: {{hosts: {{a.example: [127.0.0.1]}}}}\n"
        f"upstreams: {{app: {{servers: [{{url: '{url}'}}]}}}}\n"
    )
    with pytest.raises(Invalid) as refused:
        read_settings(text, "w.yaml", Path())

    assert [each.path for each in refused.value.problems if "is the admin side" in each.message] == ["upstreams.app"]
