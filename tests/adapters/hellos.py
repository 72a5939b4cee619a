"""TLS hellos, made byte by byte. Source: RFC 8446 section 4.1.2, RFC 6066 section 3."""

from __future__ import annotations

from mitmproxy.tls import ClientHello


def hello_of(name: str | None, versions: tuple[int, ...] = (0x0304, 0x0303)) -> ClientHello:
    """The hello of a client that asks for `name` and offers `versions` in the extension for them."""
    extensions = b""
    if name is not None:
        host = name.encode("latin-1")
        entry = b"\x00" + _sized(host, 2)
        extensions += _extension(0, _sized(entry, 2))
    if versions:
        extensions += _extension(43, _sized(b"".join(each.to_bytes(2) for each in versions), 1))
    return ClientHello(
        b"\x03\x03" + bytes(32) + _sized(b"", 1) + _sized(b"\x13\x01", 2) + _sized(b"\x00", 1) + _sized(extensions, 2)
    )


def _extension(kind: int, body: bytes) -> bytes:
    return kind.to_bytes(2) + _sized(body, 2)


def _sized(body: bytes, width: int) -> bytes:
    return len(body).to_bytes(width) + body
