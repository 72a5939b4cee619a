"""The admin side over TLS: what it shows, when that changes, and what a browser keeps of it."""

from __future__ import annotations

import socket
import ssl
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pytest
from cryptography.hazmat.primitives import serialization

from tests.e2e.certificates import Certified, Wish, authority
from tests.e2e.commands import COMMAND, until
from tests.e2e.looked_after import LookedAfter, looked_after

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e
ROOT: Final = authority()
TLS: Final = {"certificate": "admin.pem", "key": "admin.key"}


def issued(days: tuple[int, int] = (-1, 30)) -> Certified:
    return ROOT.signs(Wish(names=("127.0.0.1", "localhost"), days=days))


def install(folder: Path, made: Certified) -> None:
    """Put the files where the configuration says, the key first, as a program that renews them does."""
    secret = made.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "admin.key").touch(mode=0o600)
    (folder / "admin.key").write_bytes(secret)
    (folder / "admin.pem").write_bytes(made.pem)


@contextmanager
def encrypted(folder: Path, made: Certified) -> Iterator[LookedAfter]:
    install(folder, made)
    trusts = ssl.create_default_context(cadata=ROOT.pem.decode("ascii"))
    with looked_after(folder, {"log": {"level": "info"}}, {"tls": TLS}, trusts) as side:
        yield side


def shown(side: LookedAfter) -> bytes:
    with socket.create_connection(("127.0.0.1", side.admin), timeout=10) as plain:
        assert side.trusts is not None
        with side.trusts.wrap_socket(plain, server_hostname="localhost") as wire:
            return wire.getpeercert(binary_form=True) or b""


def der(made: Certified) -> bytes:
    return made.certificate.public_bytes(serialization.Encoding.DER)


def test_it_is_the_same_behind_tls_and_its_cookies_are_for_tls_alone(tmp_path: Path) -> None:
    with encrypted(tmp_path, issued()) as side:
        line = side.gateway.process.wait_for("ready: ", side.gateway.process.err)
        with side.client(token="", Origin=side.url) as browser:
            signed = side.sign_in(browser)
            status = browser.get("/api/v1/status")
        with side.client(token="", Origin=side.url.replace("https", "http")) as elsewhere:
            refused = elsewhere.post("/api/v1/session", json={"token": side.token})
        with socket.create_connection(("127.0.0.1", side.admin), timeout=10) as plain:
            plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            unencrypted = plain.recv(4096)

        assert line.rstrip().endswith(f", admin 127.0.0.1:{side.admin}")
        assert (signed.status_code, status.status_code, refused.status_code) == (200, 200, 403)
        assert all(word in signed.headers["set-cookie"] for word in ("Secure", "HttpOnly", "SameSite=strict"))
        assert b"HTTP/" not in unencrypted


def test_a_new_certificate_is_shown_without_a_start_and_a_bad_one_never(tmp_path: Path) -> None:
    first, second = issued(), issued()
    with encrypted(tmp_path, first) as side:
        assert shown(side) == der(first)
        install(tmp_path, issued(days=(-30, -1)))
        said = side.gateway.process.wait_for("the new certificate is refused", side.gateway.process.err)
        assert "the certificate expired on" in said
        assert shown(side) == der(first)

        install(tmp_path, second)
        until(lambda: shown(side) == der(second), "the new certificate was never shown")
        assert side.get("status")["ready"] is True


def test_a_certificate_that_cannot_be_shown_is_told_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("version: 1\nname: p\ndefault: {action: allow}\nnonsense: 1\n", encoding="utf-8")
    (tmp_path / "w.yaml").write_text(
        "version: 1\nstate: state\nlisteners: [{name: out, mode: forward, bind: 127.0.0.1:8080, policy: p.yaml}]\n"
        "admin: {bind: 127.0.0.1:8090, tls: {certificate: admin.pem, key: admin.key}}\n",
        encoding="utf-8",
    )
    install(tmp_path, issued(days=(-30, -1)))
    command = [COMMAND, "run", "--check", "--config", str(tmp_path / "w.yaml")]

    told = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)

    assert told.returncode == 2
    assert "admin.pem:1:1  the certificate expired on" in told.stderr
    assert "unknown key `nonsense`" in told.stderr
