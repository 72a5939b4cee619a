from __future__ import annotations

from gateway.audit.proof.findings import Finding, Place, Report


def test_a_finding_says_where_about_which_record_and_what() -> None:
    assert str(Finding(Place("a.jsonl", 7), 12, "is missing")) == "a.jsonl:7: record 12: is missing"
    assert str(Finding(Place("proof/keys", 0), 0, "is broken")) == "proof/keys: is broken"


def test_findings_come_in_the_order_of_their_records_and_those_about_none_last() -> None:
    report = Report(last=50, signed=50)
    for seq in (0, 30, 2, 50):
        report.find(Place("a", 1), seq, "x")

    assert [each.seq for each in report.in_order()] == [2, 30, 50, 0]
