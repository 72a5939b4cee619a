"""Secrets of exporters, read when they start and never told: what is said of them is where they should be."""

from __future__ import annotations

import base64
import binascii
import ssl
from typing import TYPE_CHECKING, Final

from gateway.audit.writing.errors import words
from gateway.policy.errors import Malformed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from gateway.audit.export.rules import Anchorage, Export, Secret

_LONGEST: Final = 16 * 1024
_LEAST_KEY: Final = 16
_ENCODED: Final = "whsec_"
"""Begins a secret that is written in base64 (Standard Webhooks)."""


def signing_key(secret: Secret, environ: Mapping[str, str]) -> bytes:
    """The key by which webhooks are signed. Raises Malformed, without a word of it."""
    found = _read(secret, environ)
    key = found.encode()
    if found.startswith(_ENCODED):
        try:
            key = base64.b64decode(found.removeprefix(_ENCODED), validate=True)
        except binascii.Error:
            raise Malformed(f"what {secret} holds behind `{_ENCODED}` is not base64") from None
    if len(key) < _LEAST_KEY:
        raise Malformed(f"{secret} holds a secret of less than {_LEAST_KEY} bytes, which can be guessed")
    return key


def field_value(secret: Secret, environ: Mapping[str, str]) -> str:
    """The value of the field Authorization, like `Bearer ...`. Raises Malformed, without a word of it."""
    found = _read(secret, environ)
    if not found or not found.isascii() or not found.isprintable():
        raise Malformed(f"{secret} does not hold the value of a field in one line, like `Bearer ...`")
    return found


def tls_context(trust: Path | None) -> ssl.SSLContext:
    """Receivers prove who they are: to the authorities of a file, or to those of the system. Raises Malformed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if trust is None:
        context.load_default_certs()
        return context
    try:
        context.load_verify_locations(trust)
    except ssl.SSLError:
        raise Malformed(f"the file `{trust}` holds no certificates in PEM") from None
    except OSError as error:
        raise Malformed(f"the file `{trust}` cannot be read: {words(error)}") from None
    return context


def problems_of(exports: Iterable[Export | Anchorage], environ: Mapping[str, str]) -> list[str]:
    """Everything that keeps exporters and anchors from starting, each with the one it is about."""
    return [f"audit: {export}: {problem}" for export in exports for problem in _problems(export, environ)]


def _problems(export: Export | Anchorage, environ: Mapping[str, str]) -> Iterator[str]:
    try:
        if export.secret is not None:
            signing_key(export.secret, environ)
        if export.authorization is not None:
            field_value(export.authorization, environ)
        if export.trust is not None:
            tls_context(export.trust)
    except Malformed as error:
        yield str(error)


def _read(secret: Secret, environ: Mapping[str, str]) -> str:
    if secret.file is None:
        found = environ.get(secret.environment or "")
        if found is None:
            raise Malformed(f"{secret} is not set")
        return found.strip("\r\n")
    try:
        with secret.file.open(encoding="utf-8") as file:
            return file.read(_LONGEST).strip("\r\n")
    except UnicodeDecodeError:
        raise Malformed(f"{secret} is not UTF-8") from None
    except OSError as error:
        raise Malformed(f"{secret} cannot be read: {words(error)}") from None
