from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.config.digest import digest_of, text_of
from gateway.config.load import read_settings
from tests.house.sources import ROOT

TEXT = """
version: 1
state: /var/lib/gate
contact: help@example
listeners:
  - {name: egress, mode: forward, bind: "127.0.0.1:8080", policy: a.yaml}
  - name: shop
    mode: reverse
    bind: "[::1]:8081"
    policy: b.yaml
    routes:
      - {host: {is: [shop.example]}, path: {prefix: [/api]}, method: [GET, HEAD], upstream: app, strip_prefix: /api}
      - {path: {is: [/old]}, redirect: {to: /new}}
      - {upstream: app}
upstreams: {app: {servers: [{url: "http://10.0.0.1:8000"}, {url: "http://10.0.0.2:8000"}]}}
resolver: {hosts: {b.example: [192.0.2.1], a.example: ["2001:db8::1"]}}
audit:
  durability: sync
  retain: {deny: 30d, allow: 7d}
  export: [{name: out, kind: stdout, only: {events: [end, gap]}}]
proof: {anchors: [{file: /mnt/a}, {syslog: "tls://logs.example", trust: ca.pem}]}
"""
SHA256 = re.compile("sha256:[0-9a-f]{64}")


def digest(text: str) -> str:
    return digest_of(read_settings(text, "w.yaml", Path("/etc/wicketgate")))


def test_the_same_settings_have_the_same_digest_however_they_are_written() -> None:
    assert SHA256.fullmatch(digest(TEXT))
    for same in (
        f"# a comment\n\n{TEXT}",
        TEXT.replace("{deny: 30d, allow: 7d}", "{allow: 168h, deny: 720h}"),
        TEXT.replace("[end, gap]", "[gap, end]"),
        TEXT.replace("{b.example: [192.0.2.1], a.example: [", "{a.example: [").replace(
            '"2001:db8::1"]}', '"2001:db8::1"], b.example: [192.0.2.1]}'
        ),
        f"{TEXT}workers: 1\n",
    ):
        assert digest(same) == digest(TEXT), same


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("8080", "8082"),
        ("a.yaml", "c.yaml"),
        ("help@example", "help@other"),
        ("strip_prefix: /api", "rewrite: {prefix: /v1}"),
        ("[GET, HEAD]", "[GET]"),
        ("10.0.0.2", "10.0.0.3"),
        ("192.0.2.1", "192.0.2.2"),
        ("deny: 30d", "deny: 31d"),
        ("durability: sync", "durability: batched"),
        ("logs.example", "other.example"),
        ("[end, gap]", "[end]"),
        ("/mnt/a", "/mnt/b"),
    ],
)
def test_whatever_is_told_otherwise_gives_another_digest(old: str, new: str) -> None:
    assert digest(TEXT.replace(old, new)) != digest(TEXT)


def test_what_is_left_at_its_default_does_not_count() -> None:
    settings = read_settings(TEXT, "w.yaml", Path("/etc/wicketgate"))

    assert "durability" in text_of(settings)
    assert "durability" not in text_of(replace(settings, audit=replace(settings.audit, durability="batched")))


def test_nothing_of_it_hangs_on_the_process() -> None:
    program = "from tests.unit.config.test_digest import *; print(digest(TEXT))"
    said = {
        subprocess.check_output(
            [sys.executable, "-c", program], cwd=ROOT, env={"PYTHONHASHSEED": seed}, text=True
        ).strip()
        for seed in ("1", "2")
    }

    assert said == {digest(TEXT)}
    assert " at 0x" not in text_of(read_settings(TEXT, "w.yaml", Path("/etc/wicketgate")))
