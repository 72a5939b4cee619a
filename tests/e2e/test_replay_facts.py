"""Every kind of refusal on both sides of a gateway, replayed: under the same rules nothing changes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway.cli.outcome import CANNOT_DECIDE, FINDINGS, OK
from gateway.cli.policy import main
from tests.e2e.certificates import Wish
from tests.e2e.front_doors import door
from tests.e2e.gateways import OPEN
from tests.e2e.wire import connect, get
from tests.keyrings import Keyring

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.front_doors import Door

pytestmark = pytest.mark.e2e

HOST: Final = "origin.example"
ANNA: Final = Wish(names=(), common_name="anna", usage=ExtendedKeyUsageOID.CLIENT_AUTH)
RULES: Final = """
lists:
  ads: {type: domain, match: under, items: [many.example]}
guardrails:
  - {id: no-ads, reason: Ads, when: {host: {in: ["@ads"]}}}
rules:
  - {id: annas, action: deny, reason: Hers, when: {path: {prefix: [/anna]}}, not: {user: [anna]}}
  - {id: proved, action: deny, reason: Prove it, when: {path: {prefix: [/cert]}}, not: {identity.method: [certificate]}}
  - {id: modern, action: deny, reason: Too new, when: {path: {prefix: [/modern]}}, not: {tls.version: {below: 1.3}}}
  - {id: no-delete, action: deny, reason: No, when: {method: [DELETE]}}
  - {id: small, action: deny, reason: Large, when: {request.size: {above: 10B}, protocol: [http/1.1, h2]}}
  - {id: no-pictures, action: deny, reason: No, when: {response.type: [image/png]}}
  - {id: no-gone, action: deny, reason: No, when: {response.status: [410]}}
  - {id: short, action: deny, reason: No, when: {response.size: {above: 1kB}}}
  - {id: lifted, action: deny, reason: No, when: {path: {prefix: [/lifted]}}}
  - {id: trial, stage: shadow, action: deny, reason: No, when: {response.type: [text/plain]}}
exceptions:
  - {id: ex, waives: [lifted], owner: ops, reason: x, expires: 2036-12-31, when: {method: [GET]}}
limits:
  - {id: once, key: [client.ip, path], rate: 1/h, burst: 1, when: {path: {prefix: [/once]}}}
"""
PATHS: Final = ("/", "/anna", "/cert", "/modern", "/picture", "/gone", "/large", "/plain", "/lifted", "/once", "/once")
REFUSALS: Final = {
    *("no-ads", "annas", "proved", "modern", "no-delete", "small", "lifted", "once"),
    *("no-pictures", "no-gone", "short"),
}


def _answer(head: bytes) -> tuple[bytes, bool]:
    """A picture, something that is gone, something large, something without a type, or a text."""
    path = head.split(b" ")[1].partition(b"//")[2] or head.split(b" ")[1]
    status, kind, size = "200 OK", "Content-Type: Text/Plain; charset=utf-8\r\n", 5
    if b"/picture" in path:
        kind = "Content-Type: image/png\r\n"
    elif b"/gone" in path:
        status = "410 Gone"
    elif b"/large" in path:
        size = 5000
    elif b"/plain" in path:
        kind = ""
    return f"HTTP/1.1 {status}\r\n{kind}Content-Length: {size}\r\n\r\n".encode() + b"x" * size, False


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a gateway that has seen all of it, and has ended."""
    place = tmp_path_factory.mktemp("facts")
    ring = Keyring.in_folder(tmp_path_factory.mktemp("keys"))
    shown = ring.shows(ring.issue("front", HOST), client_auth="optional")
    with door(place, tls=shown, policy=RULES) as front:
        front.origin.answering = _answer
        for certified in (None, ring.root.signs(ANNA)):
            for request in _requests(""):
                with front.encrypted(HOST, ring.client(certified)) as client:
                    client.ask(request)
        for request in _requests(f"http://{HOST}:{front.origin.port}"):
            with connect(front.gateway.forward) as client:
                client.ask(request)
        _ask_for_more(front)
    return place


def _requests(where: str) -> list[bytes]:
    asked = [get(f"{where}{path}", where.partition("//")[2] or HOST) for path in PATHS]
    bodies = [(b"", "DELETE"), (b"little", "POST"), (b"rather much", "POST")]
    return asked + [
        get(f"{where}/body", where.partition("//")[2] or HOST, method=method, body=body) for body, method in bodies
    ]


def _ask_for_more(front: Door) -> None:
    """What only a forward listener is asked for."""
    for head in (
        get("http://a.many.example/", "a.many.example"),
        get("http://10.0.0.1/", "10.0.0.1"),
        b"CONNECT origin.example:25 HTTP/1.1\r\nHost: origin.example:25\r\n\r\n",
        b"CONNECT x.many.example:443 HTTP/1.1\r\nHost: x.many.example:443\r\n\r\n",
        get("/no-proxy", HOST),
    ):
        with connect(front.gateway.forward) as client:
            assert client.ask(head).status >= 400


def _replay(
    folder: Path, mode: str, capsys: pytest.CaptureFixture[str], *, rules: str | None = None
) -> tuple[int, dict[str, Any]]:
    policy = folder / "policy.yaml"
    if rules is not None:
        policy = folder / "tried.yaml"
        policy.write_text(rules, "utf-8")
    log = str(folder / "state" / "audit")
    code = main(["replay", "--policy", str(policy), "--log", log, "--mode", mode, "--format", "json"])
    return code, json.loads(capsys.readouterr().out)


def _renamed(folder: Path) -> str:
    """The same rules under another digest."""
    return (folder / "policy.yaml").read_text("utf-8").replace("name: open", "name: another")


def _named(told: dict[str, Any], which: str) -> set[str]:
    return {group[which]["rule"] for group in told["groups"] if group[which] is not None and group[which]["rule"]}


def test_every_kind_of_refusal_is_in_the_log(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nothing = OPEN.format(port=443, more="")
    before: set[str] = set()
    for mode in ("forward", "reverse"):
        code, told = _replay(folder, mode, capsys, rules=nothing)
        assert code == FINDINGS
        before |= _named(told, "before")

    assert before >= REFUSALS - {"lifted"}


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_under_its_own_policy_nothing_changes(mode: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = _replay(folder, mode, capsys)

    assert (code, told["groups"]) == (OK, [])
    assert told["under_this_policy"] == told["requests"] == told["same"]


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_under_the_same_rules_with_another_name_only_what_was_never_seen_cannot_be_told(
    mode: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of an answer that was refused the log holds the type, and neither status nor size."""
    code, told = _replay(folder, mode, capsys, rules=_renamed(folder))

    assert told["under_this_policy"] == 0
    assert {(group["change"], group["before"]["rule"], *group["missing"]) for group in told["groups"]} <= {
        ("cannot_tell", "no-gone", "response.size", "response.status"),
        ("cannot_tell", "short", "response.size", "response.status"),
    }
    assert code in {OK, CANNOT_DECIDE}
    assert told["same"] > 2 * told["changes"]["cannot_tell"]


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("response.type: [text/plain]", {("now_denied", None, "new")}),
        ("response.type: [application/zip]", set()),
        ("tls.version: [1.3]", {("now_denied", None, "new")}),
        ("identity.method: [certificate]", {("now_denied", None, "new")}),
        ("user: [bob]", set()),
    ],
)
def test_new_rules_about_facts_that_records_hold_are_decided(
    rule: str, changes: set[tuple[str, str | None, str]], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = f"\nrules:\n  - {{id: new, action: deny, reason: No, when: {{{rule}}}}}\n"

    _, told = _replay(folder, "reverse", capsys, rules=_renamed(folder).replace("\nrules:\n", new, 1))

    found = {
        (group["change"], group["before"]["rule"], group["after"]["rule"])
        for group in told["groups"]
        if group["after"] is not None and group["before"]["verdict"] == "allow"
    }
    assert found == changes
    assert not any("log does not hold" in note for note in told["notes"])


def test_the_exit_code_of_a_replay_and_its_json_say_the_same(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """0: nothing changes; 1: something does; 3: it cannot be told."""
    seen = set()
    for rules in (None, _renamed(folder), OPEN.format(port=443, more="")):
        code, told = _replay(folder, "reverse", capsys, rules=rules)
        changes = told["changes"]
        certain = sum(count for kind, count in changes.items() if kind != "cannot_tell")
        assert code == (FINDINGS if certain else CANNOT_DECIDE if changes["cannot_tell"] else OK)
        assert told["requests"] == told["same"] + sum(changes.values())
        assert sum(group["requests"] for group in told["groups"]) == sum(changes.values())
        seen.add(code)
    assert seen == {OK, FINDINGS, CANNOT_DECIDE}
