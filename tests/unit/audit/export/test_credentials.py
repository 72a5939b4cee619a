from __future__ import annotations

import base64
import ssl
from typing import TYPE_CHECKING

import pytest

from gateway.audit.export.credentials import field_value, problems_of, signing_key, tls_context
from gateway.audit.export.rules import Export, Secret
from gateway.policy.errors import Malformed
from tests.e2e.certificates import authority

if TYPE_CHECKING:
    from pathlib import Path

KEY = b"s3cret of more than sixteen bytes"


@pytest.mark.parametrize("written", [KEY + b"\n", b"whsec_" + base64.b64encode(KEY)])
def test_a_key_is_read_from_a_file_or_the_environment(written: bytes, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(written)

    assert signing_key(Secret(file=tmp_path / "key"), {}) == KEY
    assert signing_key(Secret(environment="KEY"), {"KEY": written.decode()}) == KEY


def test_the_value_of_a_field_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("Bearer abc\n", encoding="ascii")

    assert field_value(Secret(file=tmp_path / "token"), {}) == "Bearer abc"


@pytest.mark.parametrize(
    ("why", "held"),
    [
        ("holds a secret of less than 16 bytes, which can be guessed", b"s3cret"),
        ("holds behind `whsec_` is not base64", b"whsec_s3cret!"),
        ("is not UTF-8", b"s3cret\xff"),
    ],
)
def test_a_key_that_is_none_is_refused_without_a_word_of_it(why: str, held: bytes, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(held)

    with pytest.raises(Malformed, match="the file") as caught:
        signing_key(Secret(file=tmp_path / "key"), {})

    assert why in str(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("held", ["", "Bearer s3cret\r\nX: y", "Bearer s3crét"])
def test_a_value_that_cannot_stand_in_a_field_is_refused_without_a_word_of_it(held: str) -> None:
    with pytest.raises(Malformed, match="the variable `TOKEN` does not hold the value of a field") as caught:
        field_value(Secret(environment="TOKEN"), {"TOKEN": held})

    assert "s3cr" not in str(caught.value)


def test_every_problem_of_every_exporter_is_said_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate", encoding="ascii")
    gone = tmp_path / "gone"
    exports = (
        Export(name="a", kind="webhook", secret=Secret(file=gone)),
        Export(name="b", kind="otlp", authorization=Secret(environment="TOKEN")),
        Export(name="c", kind="syslog", trust=tmp_path / "ca.pem"),
        Export(name="d", kind="syslog", trust=gone),
        Export(name="e", kind="stdout"),
    )

    assert problems_of(exports, {}) == [
        f"audit: exporter `a`: the file `{gone}` cannot be read: no such file or directory",
        "audit: exporter `b`: the variable `TOKEN` is not set",
        f"audit: exporter `c`: the file `{tmp_path / 'ca.pem'}` holds no certificates in PEM",
        f"audit: exporter `d`: the file `{gone}` cannot be read: no such file or directory",
    ]


def test_receivers_are_verified_and_no_keys_are_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    (tmp_path / "ca.pem").write_bytes(authority().pem)

    for context in (tls_context(tmp_path / "ca.pem"), tls_context(None)):
        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2
        assert context.keylog_filename is None
    assert len(tls_context(tmp_path / "ca.pem").get_ca_certs()) == 1
