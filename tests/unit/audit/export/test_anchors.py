from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import TYPE_CHECKING

import pytest

from gateway.audit.export.anchors import RemoteAnchor
from gateway.audit.export.rules import Anchorage, Secret
from gateway.audit.export.targets import Target
from gateway.audit.proof.anchors import NotKept, anchor_line
from gateway.audit.proof.verifying import anchored_notes
from tests.e2e.certificates import authority
from tests.unit.audit.export.listening import Listening, answers, reads_one_byte_and_dies, reads_to_the_end, status
from tests.unit.audit.proof.proved import MONDAY

if TYPE_CHECKING:
    from pathlib import Path

NOTE = "wicketgate/1f\n12\nAAAA\n\n\u2014 wicketgate/1f BBBB\n"
LINE = anchor_line(NOTE, MONDAY)
KEY = "a secret of more than sixteen bytes"


def anchor(receiver: Listening, kind: str, secret: Secret | None = None, token: Secret | None = None) -> RemoteAnchor:
    port = receiver.port
    at = (
        Anchorage(kind="syslog", target=Target("tcp", "127.0.0.1", port))
        if kind == "syslog"
        else Anchorage(
            kind="webhook",
            target=Target("http", "127.0.0.1", port, "/anchor?a=1"),
            secret=secret,
            authorization=token,
        )
    )
    return RemoteAnchor(at=at, host="gw-1", environ={"HOOK": KEY, "TOKEN": "Bearer abc"}, clock=lambda: MONDAY)


def test_a_checkpoint_is_one_message_of_syslog_that_a_check_can_read(tmp_path: Path) -> None:
    with Listening([reads_to_the_end]) as receiver:
        anchor(receiver, "syslog").keep(LINE)

    size, _, text = max(receiver.got).decode("ascii").partition(" ")
    assert int(size) == len(text)
    assert text == (
        "<110>1 2026-11-23T00:00:00.000000Z gw-1 wicketgate - checkpoint "
        f'[wicketgate@32473 log="wicketgate/1f" seq="12"] {LINE}'
    )
    (tmp_path / "file").write_text(f"{text}\n")
    assert [note for _, note in anchored_notes(tmp_path / "file")] == [NOTE]


def test_a_checkpoint_is_posted_as_one_signed_line_that_a_check_can_read(tmp_path: Path) -> None:
    with Listening([answers(status(204))]) as receiver:
        anchor(receiver, "webhook", Secret(environment="HOOK"), Secret(environment="TOKEN")).keep(LINE)

    request = receiver.got[0]
    head, body = request[: request.index(b"{")], request[request.index(b"{") :]
    fields = dict(line.split(": ", 1) for line in head.decode().splitlines()[1:] if line)
    assert head.startswith(b"POST /anchor?a=1 HTTP/1.1\r\n")
    assert body.decode() == f"{LINE}\n"
    assert (fields["webhook-id"], fields["Authorization"]) == ("wicketgate/1f:12-12", "Bearer abc")
    signed = f"{fields['webhook-id']}.{fields['webhook-timestamp']}.".encode() + body
    digest = base64.b64encode(hmac.new(KEY.encode(), signed, hashlib.sha256).digest()).decode()
    assert fields["webhook-signature"] == f"v1,{digest}"
    (tmp_path / "file").write_bytes(body * 2)
    assert [note for _, note in anchored_notes(tmp_path / "file")] == [NOTE, NOTE]


@pytest.mark.parametrize(
    ("why", "kind", "answer"),
    [
        ("it hung up", "syslog", b""),
        ("answered 503", "webhook", status(503)),
        ("answered 413: the batch is too large for it", "webhook", status(413)),
        ("answered 302", "webhook", status(302, "Location: http://127.0.0.1/elsewhere")),
        ("its answer is not HTTP", "webhook", b"what?\r\n\r\n"),
    ],
)
def test_a_receiver_that_does_not_take_a_checkpoint_says_why(why: str, kind: str, answer: bytes) -> None:
    with Listening([answers(answer) if answer else reads_one_byte_and_dies]) as receiver:
        at = f"{'tcp' if kind == 'syslog' else 'http'}://127.0.0.1:{receiver.port}"
        with pytest.raises(NotKept, match=f"`{at}.*{why}"):
            anchor(receiver, kind).keep(LINE)


def test_a_secret_that_is_not_there_is_said_and_nothing_is_sent() -> None:
    with (
        Listening([answers(status(204))]) as receiver,
        pytest.raises(NotKept, match="the variable `NONE` is not set"),
    ):
        anchor(receiver, "webhook", Secret(environment="NONE")).keep(LINE)
    assert receiver.got == []


def test_an_anchor_is_known_by_what_it_speaks_and_where_it_is() -> None:
    with Listening([reads_to_the_end]) as receiver:
        assert anchor(receiver, "syslog").name == f"syslog tcp://127.0.0.1:{receiver.port}"
        assert anchor(receiver, "webhook").name == f"webhook http://127.0.0.1:{receiver.port}/anchor"


def test_what_is_sent_is_a_line_of_json() -> None:
    assert json.loads(LINE) == {"time": "2026-11-23T00:00:00.000000Z", "checkpoint": NOTE}
    assert LINE.isascii()


def test_authorities_are_read_again_only_when_their_file_is_another_one(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    at = Anchorage(kind="syslog", target=Target("tls", "127.0.0.1", 1), trust=file)
    anchor = RemoteAnchor(at=at, host="gw-1", environ={}, clock=lambda: MONDAY)
    file.write_bytes(authority().pem)

    for _ in range(2):
        with pytest.raises(NotKept, match="connection refused"):
            anchor.keep(LINE)
    file.write_text("no certificates")
    with pytest.raises(NotKept, match=f"the file `{file}` holds no certificates in PEM"):
        anchor.keep(LINE)
    file.unlink()
    with pytest.raises(NotKept, match=f"the file `{file}` cannot be read: no such file"):
        anchor.keep(LINE)
