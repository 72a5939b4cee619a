from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gateway.cli.shipped import shipped_policy
from gateway.cli.why_now import ask_again, left_out
from tests.unit.audit.reading.made import decision, write
from tests.unit.audit.samples import NOW, SAMPLES

if TYPE_CHECKING:
    from pathlib import Path

POLICY = """version: 1
name: p
default: {action: allow}
groups:
  eng: {users: [alice]}
rules:
  - id: no-ads
    action: deny
    reason: Ads
    when: {host: {is: [ads.example]}, client.ip: {in: [10.1.2.3]}, path: {prefix: [/x]}}
  - {id: no-eng, action: deny, reason: Group, when: {group: [eng], host: {is: [eng.example]}}}
  - {id: no-q, action: deny, reason: Query, when: {query.page: {is: ["2 &"]}}}
"""


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    (tmp_path / "p.yaml").write_text(POLICY, encoding="utf-8")
    return tmp_path / "p.yaml"


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("no-ads", {"host": "ads.example", "path": "/x/y"}),
        (None, {"host": "ads.example", "path": "/y"}),
        (None, {"host": "ads.example", "path": "/x", "client": "10.9.9.9"}),
        ("no-eng", {"host": "eng.example", "user": "alice"}),
        ("no-q", {"host": "c.example", "query": {"page": ["1", "2 &"]}}),
        ("no-ads", {"host": "ads.example", "path": "/x", "client": "client-2026-11-aa"}),
        (None, {"host": "ads.example", "path": None, "method": "CONNECT"}),
    ],
)
def test_the_same_facts_are_asked_about(
    rule: str | None, changes: dict[str, Any], policy: Path, tmp_path: Path
) -> None:
    record = decision(1, **changes)
    record["request"]["query"] = changes.get("query")
    found = ask_again(record, tmp_path, policy, NOW)

    assert found.problem is None
    assert found.data is not None
    assert found.data["rule"] == rule
    assert found.data["verdict"] == ("allow" if rule is None else "deny")


def test_the_log_says_which_file_it_was(policy: Path, tmp_path: Path) -> None:
    loaded = {"v": 1, "seq": 1} | SAMPLES["policy"] | {"file": str(policy)}
    write(tmp_path / "audit", [loaded])
    record = decision(2, host="ads.example", path="/x")

    assert ask_again(record, tmp_path / "audit", None, NOW).file == str(policy)
    write(tmp_path / "moved", [loaded | {"file": "/nowhere/corporate.yaml"}])
    assert ask_again(record, tmp_path / "moved", None, NOW).file == str(shipped_policy("corporate"))
    write(tmp_path / "gone", [loaded | {"file": "/nowhere/own.yaml"}])
    assert "name it with `--policy FILE`" in str(ask_again(record, tmp_path / "gone", None, NOW).problem)


def test_what_cannot_be_asked_says_why(policy: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("version: 1\n", encoding="utf-8")

    assert "bad.yaml:1" in str(ask_again(decision(1), tmp_path, tmp_path / "bad.yaml", NOW).problem)
    malformed = {"v": 1, "seq": 1} | SAMPLES["malformed"]
    assert "cannot be asked about" in str(ask_again(malformed, tmp_path, policy, NOW).problem)


def test_what_the_log_does_not_have_is_named() -> None:
    assert left_out(SAMPLES["denied"]) == [
        "/request/query/token",
        "/request/query/page",
        "header fields",
        "what limits had counted",
    ]
