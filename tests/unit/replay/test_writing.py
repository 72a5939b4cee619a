from __future__ import annotations

from gateway.policy.language.document import read_policy
from gateway.policy.model import Mode
from gateway.replay.evidence import Seen
from gateway.replay.learning import Learnt, Way
from gateway.replay.writing import written

SEEN = Seen(example="01", first="2026-11-01T00:00:00.000001Z", last="2026-11-02T00:00:00Z", count=3, clients={"a", "b"})
TOLD = "3 requests of 2 clients, 2026-11-01T00:00:00Z to 2026-11-02T00:00:00Z, like 01"


def _way(**changed: object) -> Way:
    usual = {
        "kind": "http",
        "scheme": "https",
        "port": 443,
        "methods": ("GET",),
        "host": "",
        "operator": "is",
        "clients": (),
    }
    return Way(**(usual | changed))  # type: ignore[arg-type]  # tests say what they change


def _written(*rules: tuple[Way, str], mode: Mode = Mode.FORWARD, **more: object) -> str:
    learnt = Learnt(mode, {way: {text: SEEN} for way, text in rules}, whole=SEEN, **more)  # type: ignore[arg-type]  # as above
    text = written(learnt, "tried")
    assert read_policy(text.encode(), "tried").default.action == "deny"
    return text


def test_every_line_has_its_evidence() -> None:
    text = _written((_way(), "a.example"), tunnel_ports={443: SEEN, 8443: SEEN}, special={"10.0.0.1": SEEN})

    for line in ("          - a.example", "  - 8443", "  - '10.0.0.1'"):
        assert f"{line} # {TOLD}\n" in text


def test_what_was_taken_together_is_said() -> None:
    assert f"- shop.example # taken together, {TOLD}" in _written((_way(operator="below"), "shop.example"))
    pattern = _way(host="a.example", operator="matches")
    assert f"- '/u/[0-9]+' # one shape, {TOLD}" in _written((pattern, "/u/[0-9]+"), mode=Mode.REVERSE)


def test_only_the_usual_port_for_tunnels_needs_no_word() -> None:
    assert "connect_ports" not in _written((_way(), "a.example"), tunnel_ports={443: SEEN})
    assert "connect_ports" not in _written((_way(), "a.example"), mode=Mode.REVERSE, tunnel_ports={80: SEEN})


def test_tunnels_that_were_passed_on_go_on_so() -> None:
    text = _written((_way(kind="tls", methods=()), "bank.example"), (_way(kind="tcp", methods=()), "raw.example"))

    policy = read_policy(text.encode(), "tried")
    assert [splice.id for splice in policy.tls.splice] == ["spliced-1"]
    assert "      tls.inspected: [false]\n" in text
    assert "      protocol: [tcp]\n" in text


def test_ids_say_what_a_rule_is_about_and_are_told_apart() -> None:
    text = _written(
        (_way(), "a.example"), (_way(operator="below"), "b.example"), (_way(methods=("M-SEARCH",)), "c.example")
    )

    ids = [rule.id for rule in read_policy(text.encode(), "tried").rules]
    assert ids == ["https-443-get-1", "https-443-get-2", "https-443-m-search-1"]


def test_what_yaml_would_read_otherwise_is_quoted() -> None:
    text = _written(
        (_way(clients=("10.0.0.0/24",)), "2001:db8::1"), (_way(port=80), "null"), (_way(port=81), "it's"[:2])
    )

    assert "- '2001:db8::1' #" in text
    assert "- 'null' #" in text
    assert "client.ip: {in: ['10.0.0.0/24']}" in text
    assert "'/it''s'" in _written((_way(host="a.example"), "/it's"), mode=Mode.REVERSE)


def test_notes_stand_at_the_top_and_no_rules_are_no_rules() -> None:
    text = _written(notes=["something was not learnt"])

    assert "\n# something was not learnt\n" in text
    assert text.endswith("rules: []\n")
