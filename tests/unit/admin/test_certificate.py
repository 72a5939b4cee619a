from __future__ import annotations

import logging
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import serialization

from gateway.admin.certificate import Presented, trouble_with
from tests.e2e.certificates import Certified, Wish, new_key

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def write(folder: Path, made: Certified) -> tuple[Path, Path]:
    """The files of a certificate."""
    certificate, key = folder / "admin.pem", folder / "admin.key"
    key.touch(mode=0o600)
    key.write_bytes(
        made.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    certificate.write_bytes(made.certificate.public_bytes(serialization.Encoding.PEM))
    return certificate, key


def made(name: str = "localhost", days: tuple[int, int] = (-1, 30)) -> Certified:
    return Certified.by_itself(Wish(names=(name,), common_name=name, days=days))


def shown(context: ssl.SSLContext, name: str | None = "localhost", most: ssl.TLSVersion | None = None) -> bytes:
    """The certificate that a client sees in a handshake."""
    ours, theirs = socket.socketpair()
    wanting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    wanting.check_hostname, wanting.verify_mode = False, ssl.CERT_NONE
    if most is not None:
        wanting.maximum_version = most
    failed: list[ssl.SSLError] = []

    def serve() -> None:
        try:
            with context.wrap_socket(ours, server_side=True) as wire:
                wire.recv(1)
        except ssl.SSLError as error:
            failed.append(error)
            ours.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with wanting.wrap_socket(theirs, server_hostname=name) as wire:
            return wire.getpeercert(binary_form=True) or b""
    finally:
        theirs.close()
        thread.join(10)


def der(certified: Certified) -> bytes:
    return certified.certificate.public_bytes(serialization.Encoding.DER)


def test_a_pair_that_changed_is_shown_in_the_next_handshake_named_or_not(tmp_path: Path) -> None:
    old, new = made(), made()
    presented = Presented(*write(tmp_path, old))
    context = presented.context()
    before = shown(context)
    write(tmp_path, new)
    presented.look()

    assert before == der(old)
    assert [shown(context), shown(context, None)] == [der(new), der(new)]


def test_a_pair_that_cannot_be_used_changes_nothing_and_is_told_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    old, new = made(), made()
    certificate, key = write(tmp_path, old)
    presented = Presented(certificate, key)
    context = presented.context()
    certificate.write_bytes(new.certificate.public_bytes(serialization.Encoding.PEM))
    with caplog.at_level(logging.INFO, "gateway.admin.certificate"):
        presented.look()
        presented.look()
        between = shown(context)
        write(tmp_path, new)
        presented.look()

    refused, taken = (each.getMessage() for each in caplog.records)
    assert "the key is not that of the first certificate" in refused
    assert "is shown from now on" in taken
    assert (between, shown(context)) == (der(old), der(new))


def test_files_that_are_gone_leave_what_is_shown(tmp_path: Path) -> None:
    old = made()
    certificate, key = write(tmp_path, old)
    presented = Presented(certificate, key)
    context = presented.context()
    certificate.unlink()
    presented.look()

    assert shown(context) == der(old)


def test_old_versions_of_tls_are_not_spoken(tmp_path: Path) -> None:
    context = Presented(*write(tmp_path, made())).context()

    assert shown(context, most=ssl.TLSVersion.TLSv1_2)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert not [
        each["name"] for each in context.get_ciphers() if "GCM" not in each["name"] and "POLY" not in each["name"]
    ]


def test_what_is_wrong_is_told_in_words(tmp_path: Path) -> None:
    now = time.time()
    certificate, key = write(tmp_path, made())
    assert trouble_with(certificate, key, now) == []
    key.chmod(0o644)
    assert "everybody on this machine can read the key" in trouble_with(certificate, key, now)[0]
    secret = new_key().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x")
    )
    key.chmod(0o600)
    key.write_bytes(secret)
    assert "the key is encrypted, and nobody is asked here" in trouble_with(certificate, key, now)[0]
    certificate, key = write(tmp_path, made(days=(-30, -1)))
    assert "the certificate expired on" in trouble_with(certificate, key, now)[0]
    assert "cannot be read" in trouble_with(tmp_path / "none.pem", key, now)[0]
