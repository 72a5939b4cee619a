from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest

from gateway.audit.export.credentials import tls_context
from gateway.audit.export.streams import Stream
from gateway.audit.export.targets import Target
from tests.e2e.certificates import Certified, Wish, authority
from tests.unit.audit.export.listening import (
    Listening,
    reads_one_byte_and_dies,
    reads_to_the_end,
    stays_silent,
)

if TYPE_CHECKING:
    from pathlib import Path

DATA = b"x" * 300_000


def stream(receiver: Listening, trust: ssl.SSLContext | None = None, timeout: float = 10.0) -> Stream:
    """A connection to a receiver."""
    return Stream(Target("tcp", "127.0.0.1", receiver.port), trust, timeout)


@pytest.fixture(name="root", scope="module")
def _root() -> Certified:
    return authority()


@pytest.fixture(name="trust")
def _trust(root: Certified, tmp_path: Path) -> ssl.SSLContext:
    (tmp_path / "ca.pem").write_bytes(root.pem)
    return tls_context(tmp_path / "ca.pem")


def test_who_reads_to_the_end_and_hangs_up_has_everything() -> None:
    with Listening([reads_to_the_end]) as receiver:
        opened = stream(receiver)
        opened.send(DATA)
        opened.finish()

    assert receiver.got == [DATA]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_over_tls_too(version: ssl.TLSVersion, root: Certified, trust: ssl.SSLContext, tmp_path: Path) -> None:
    served = root.signs(Wish(names=("127.0.0.1",))).served(tmp_path)
    served.maximum_version = served.minimum_version = version
    with Listening([reads_to_the_end], served) as receiver:
        opened = stream(receiver, trust)
        assert opened.is_open
        opened.send(DATA)
        opened.finish()

    assert receiver.got == [DATA]


def test_a_reset_is_no_farewell() -> None:
    with Listening([reads_one_byte_and_dies]) as receiver:
        opened = stream(receiver)
        with pytest.raises(OSError, match=r"reset|Broken pipe|not connected"):  # noqa: PT012 - either of them may see it
            opened.send(DATA)
            opened.finish()
        opened.close()


def test_nor_is_silence() -> None:
    with Listening([stays_silent]) as receiver:
        opened = stream(receiver, timeout=0.1)
        opened.send(b"x")
        with pytest.raises(TimeoutError):
            opened.finish()
        opened.close()


@pytest.mark.parametrize("names", [("127.0.0.2",), ("localhost",)])
def test_a_certificate_for_another_name_is_not_trusted(
    names: tuple[str, ...], root: Certified, trust: ssl.SSLContext, tmp_path: Path
) -> None:
    with (
        Listening([reads_to_the_end], root.signs(Wish(names=names)).served(tmp_path)) as receiver,
        pytest.raises(ssl.SSLCertVerificationError, match=r"not valid for '127\.0\.0\.1'"),
    ):
        stream(receiver, trust)


def test_who_hangs_up_during_the_handshake_is_told_from_one_who_refuses(trust: ssl.SSLContext) -> None:
    def hangs_up(_: object, connection: ssl.SSLSocket) -> None:
        connection.recv(65536)
        connection.close()

    with Listening([hangs_up]) as receiver, pytest.raises(ConnectionResetError, match="during the handshake"):  # type: ignore[list-item]  # it is no TLS socket here
        stream(receiver, trust)


def test_whether_the_other_side_is_still_there_is_seen_without_asking() -> None:
    with Listening([lambda _, connection: connection.close()]) as receiver:
        opened = stream(receiver)
        while opened.is_open:
            pass
        opened.close()

    with Listening([stays_silent]) as receiver:
        opened = stream(receiver)
        assert opened.is_open
        opened.close()
