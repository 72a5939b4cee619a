from __future__ import annotations

from typing import Final

from gateway.policy.language.document import read_policy
from gateway.policy.language.references import list_users

POLICY: Final = b"""
version: 1
name: p
default: {action: allow}
lists:
  ads: {type: domain, items: [ads.example], match: is}
  office: {type: network, items: [10.0.0.0/8]}
  idle: {type: domain, items: [idle.example], match: is}
groups: {build: {clients: ["@office"]}}
guardrails: [{id: office-only, reason: r, when: {client.ip: {not_in: ["@office", loopback]}}}]
rules:
  - {id: no-ads, action: deny, reason: r, when: {host: {in: ["@ads"]}}, not: {client.ip: {in: ["@office"]}}}
  - {id: either, action: deny, reason: r, any: [{host: {in: ["@ads"]}}, {tls.sni: {in: ["@ads"]}}]}
exceptions:
  - {id: ex-1, waives: [no-ads], when: {host: {in: ["@ads"]}}, expires: 2030-01-01, owner: o@corp.example, reason: r}
limits: [{id: slow, key: [client.ip], rate: 1/s, when: {host: {in: ["@ads"]}}}]
tls: {inspect: {host: {in: ["@ads"]}}, splice: [{id: private, reason: r, when: {host: {in: ["@ads"]}}}]}
headers: [{when: {host: {in: ["@ads"]}}, request: {remove: [X-A]}}]
"""


def test_every_clause_that_uses_a_list_is_named_once() -> None:
    assert list_users(read_policy(POLICY, "p.yaml")) == {
        "ads": ("no-ads", "either", "ex-1", "slow", "private", "headers", "tls.inspect"),
        "office": ("office-only", "no-ads", "groups.build"),
        "idle": (),
    }
