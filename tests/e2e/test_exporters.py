"""What receivers of other makes take from the audit log: rsyslogd over TCP and TLS, OTLP/HTTP, a web application."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

import pytest

from gateway.audit.export.rules import Choice, Export, Secret
from gateway.audit.writing.writer import WriterOptions
from tests.e2e.certificates import Certified, Wish, authority
from tests.e2e.commands import until
from tests.e2e.exported import stage, target
from tests.e2e.receivers import rsyslog, web

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e

KEY = b"a secret of more than sixteen bytes"


def syslog(port: int, trust: Path | None = None, **others: Any) -> Export:
    """An exporter to rsyslogd."""
    url = f"{'tcp' if trust is None else 'tls'}://127.0.0.1:{port}"
    return Export(name="siem", kind="syslog", target=target(url), trust=trust, **others)


def hook(port: int, **others: Any) -> Export:
    """An exporter to the web application."""
    return Export(name="hook", kind="webhook", target=target(f"http://127.0.0.1:{port}/hook"), **others)


def collector(port: int, **others: Any) -> Export:
    """An exporter to the web application as a collector."""
    at = target(f"http://127.0.0.1:{port}/v1/logs")
    return Export(name="otel", kind="otlp", target=at, form="otel", **others)


@pytest.mark.parametrize("over_tls", [False, True])
def test_rsyslogd_takes_every_record_once_and_in_order(over_tls: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a parameter
    root = authority()
    (tmp_path / "ca.pem").write_bytes(root.pem)
    with rsyslog(tmp_path / "rsyslog", signer=root if over_tls else None) as receiver:
        with stage(tmp_path / "state", syslog(receiver.port, tmp_path / "ca.pem" if over_tls else None)) as running:
            last = running.write(1200)
        taken = receiver.taken()

    assert list(range(1, last + 1)) == [seq for _, seq, _ in taken]
    assert {json.loads(text)["seq"] == seq and json.loads(text)["log"] == log for log, seq, text in taken} == {True}
    assert receiver.lines()[0].split("|")[0].split()[3:] == [
        "108",
        json.loads(taken[0][2])["time"],
        "wicketgate",
        "list",
    ]
    assert running.said == []


@pytest.mark.parametrize(
    ("why", "wrong"),
    [
        ("its certificate is not trusted: unable to get local issuer certificate", "stranger"),
        ("its certificate is not trusted: IP address mismatch, certificate is not valid for '127.0.0.1'.", "name"),
    ],
)
def test_a_receiver_that_cannot_prove_who_it_is_gets_nothing(why: str, wrong: str, tmp_path: Path) -> None:
    root = authority()
    signer = Certified.by_itself(Wish(names=(), is_authority=True)) if wrong == "stranger" else root
    (tmp_path / "ca.pem").write_bytes(root.pem)
    name = "127.0.0.2" if wrong == "name" else "127.0.0.1"
    with (
        rsyslog(tmp_path / "rsyslog", signer=signer, name=name) as receiver,
        stage(tmp_path / "state", syslog(receiver.port, tmp_path / "ca.pem")) as running,
    ):
        running.write(3)
        until(lambda: running.health("siem").waiting == 3, "the exporter never said how it is")
        until(lambda: running.health("siem").state == "failing", "nobody noticed")
        assert receiver.taken() == []

    wait = "records wait in the log until it works again"
    assert f"audit: exporter `siem`: `tls://127.0.0.1:{receiver.port}`: {why}; {wait}" == running.said[0]


def test_a_collector_of_opentelemetry_reads_every_record(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("Bearer abc.def\n", encoding="utf-8")
    with web(tmp_path / "web") as receiver:
        with stage(
            tmp_path / "state", collector(receiver.port, authorization=Secret(file=tmp_path / "token"))
        ) as running:
            last = running.write(700)
        asked = [json.loads(line) for line in (receiver.folder / "asked").read_text("utf-8").splitlines()]

    assert list(range(1, last + 1)) == [seq for _, seq, _ in receiver.taken()]
    assert {text.split()[:2] == ["list", "outcome=kept"] for _, _, text in receiver.taken()} == {True}
    assert {(fields["content-type"], fields["authorization"]) for fields, _ in asked} == {
        ("application/json", "Bearer abc.def")
    }


def test_a_web_application_can_check_who_signed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"whsec_" + base64.b64encode(KEY))
    with web(tmp_path / "web") as receiver:
        with stage(tmp_path / "state", hook(receiver.port, secret=Secret(file=tmp_path / "secret"))) as running:
            last = running.write(300)
        asked = [json.loads(line) for line in (receiver.folder / "asked").read_text("utf-8").splitlines()]
        log = receiver.taken()[0][0]

    assert list(range(1, last + 1)) == [seq for _, seq, _ in receiver.taken()]
    for fields, body in asked:
        signed = f"{fields['webhook-id']}.{fields['webhook-timestamp']}.{body}".encode()
        digest = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
        assert fields["webhook-signature"] == f"v1,{digest}"
        assert fields["webhook-id"].startswith(f"{log}:")


def test_records_wait_in_segments_that_are_rotated_and_compressed_while_a_receiver_is_away(tmp_path: Path) -> None:
    options = WriterOptions(segment_size=64 * 1024)
    with rsyslog(tmp_path / "rsyslog") as receiver:
        exporter = syslog(receiver.port)
        with stage(tmp_path / "state", exporter, options=options) as running:
            running.write(300)
            until(lambda: running.last in receiver.seqs(), "the first records never came")
            until(lambda: running.health("siem").waiting == 0, "it was never known that they came")
            receiver.kill()
            running.write(600)
            until(lambda: running.health("siem").state == "failing", "nobody noticed")
            running.write(600)
            until(
                lambda: len(list((tmp_path / "state" / "audit").glob("*.zst"))) > 3, "nothing was compressed meanwhile"
            )
            until(lambda: running.health("siem").waiting == 1200, "what waits was not counted")
            receiver.start()
            until(lambda: running.health("siem").waiting == 0, "it was never caught up with")
        taken = receiver.taken()

    assert set(range(1, running.last + 1)) == {seq for _, seq, _ in taken}
    assert [sentence.rpartition(": ")[2] for sentence in running.said] == [
        "connection refused; records wait in the log until it works again",
        "records are sent again",
    ]


def test_a_refusal_for_good_stops_an_exporter_and_the_next_start_goes_on(tmp_path: Path) -> None:
    with web(tmp_path / "web") as receiver:
        answer = receiver.folder / "ANSWER"
        answer.write_text("403", encoding="ascii")
        with stage(tmp_path / "state", hook(receiver.port)) as running:
            running.write(5)
            until(lambda: running.health("hook").state == "stopped", "it never stopped")
            assert running.health("hook").seq == 0
        answer.unlink()
        with stage(tmp_path / "state", hook(receiver.port)) as again:
            again.write(5)
            until(lambda: again.last in receiver.seqs(), "it never went on")

    assert list(range(1, 11)) == [seq for _, seq, _ in receiver.taken()]
    url = f"http://127.0.0.1:{receiver.port}/hook"
    assert running.said == [
        f"audit: exporter `hook`: `{url}` answered 403; it has stopped until the next start, and goes on where it was"
    ]


@pytest.mark.parametrize("status", ["408", "429", "500", "503"])
def test_a_receiver_that_asks_for_patience_gets_the_records_later(status: str, tmp_path: Path) -> None:
    with web(tmp_path / "web") as receiver:
        (receiver.folder / "ANSWER").write_text(status, encoding="ascii")
        with stage(tmp_path / "state", hook(receiver.port)) as running:
            running.write(5)
            until(lambda: running.health("hook").state == "failing", "nobody noticed")
            (receiver.folder / "ANSWER").unlink()
            until(lambda: running.health("hook").waiting == 0, "they never came")

    assert list(range(1, 6)) == [seq for _, seq, _ in receiver.taken()]
    assert [f"answered {status}" in running.said[0], "sent again" in running.said[1]] == [True, True]


def test_what_was_removed_before_it_was_sent_is_said_and_on_record(tmp_path: Path) -> None:
    with rsyslog(tmp_path / "rsyslog") as receiver:
        exporter = syslog(receiver.port, choice=Choice(frozenset({"list"})))
        with stage(tmp_path / "state", exporter) as running:
            running.write(10)
            until(lambda: running.last in receiver.seqs(), "the first records never came")
        with stage(tmp_path / "state") as unexported:
            unexported.write(400)
        oldest, *_ = sorted((tmp_path / "state" / "audit").glob("*.jsonl*"))
        oldest.unlink()
        with stage(tmp_path / "state", exporter) as again:
            until(lambda: unexported.last in receiver.seqs(), "it never went on")
            until(lambda: bool(again.missed), "nobody said that records were gone")
            until(lambda: again.health("siem").missing > 0, "nobody counted them")

    sent = receiver.seqs()
    gone = set(range(1, unexported.last + 1)) - sent
    assert gone
    assert again.health("siem").missing == len(gone)
    assert again.missed[0].startswith(f"exporter `siem`: up to {len(gone)} records before number ")
    assert f"audit: {again.missed[0]}" in again.said
