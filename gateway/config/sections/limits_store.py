"""The section `limits_store`: where gateways count limits of the scope `cluster` together."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.config.settings import LimitsStoreSettings, SecretSource
from gateway.limits.cluster.connecting import StoreAddress
from gateway.policy.errors import Malformed
from gateway.policy.language.records import Key, Values, one_of, optional, record, required
from gateway.policy.language.scalars import DURATION, choice, text

if TYPE_CHECKING:
    from gateway.limits.cluster.rules import OnFailure
    from gateway.policy.language.shapes import Read, Shape

_PREFIX: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SHORT: Final = 0.05
_LONGEST: Final = 5.0


def _prefix(written: str) -> str:
    if _PREFIX.fullmatch(written) is None:
        raise Malformed("a prefix is 1 to 64 letters, digits, `.`, `_` and `-`")
    return written


def _patience(seconds: float) -> float:
    if not 0 < seconds <= _LONGEST:
        raise Malformed("a request waits for 1 ms to 5 s, like `50ms`")
    return seconds


_FILE: Final = optional("file", text("the path of a file"), "A file.", None)
_ENVIRONMENT: Final = optional("environment", text("the name of a variable"), "A variable of the environment.", None)


def _source(values: Values) -> Read[SecretSource]:
    file = values[_FILE]
    return SecretSource(None if file is None else Path(file), values[_ENVIRONMENT])


_SOURCE: Final[Shape[SecretSource]] = record(
    (_FILE, _ENVIRONMENT),
    _source,
    wanted="where it is found, like `{file: store.secret}`",
    rules=(one_of("file", "environment", why="a secret has one place"),),
)
_ADDRESS: Final = text("a URL, like `redis://store.example:6379/0`").then(StoreAddress.parse)
_URL: Final = required("url", _ADDRESS, "Where it is.")
_CREDENTIALS: Final[Key[SecretSource | None]] = optional("credentials", _SOURCE, "`password` or `user:password`.", None)
_SECRET: Final[Key[SecretSource | None]] = optional("secret", _SOURCE, "What clients are named by there.", None)
_TRUST: Final = optional("trust", text("the path of a PEM file"), "Authorities for a store over TLS.", None)
_TIMEOUT: Final = optional("timeout", DURATION.then(_patience), "How long a request waits for it.", _SHORT)
_FAILURES: Final[Shape[OnFailure]] = choice(("closed", "local"))
_ON_FAILURE: Final[Key[OnFailure]] = optional("on_failure", _FAILURES, "What happens while it is away.", "closed")
_KEYS: Final = optional("prefix", text("a word").then(_prefix), "What keys begin with.", "wicketgate")


def _store(values: Values) -> Read[LimitsStoreSettings]:
    trust, address = values[_TRUST], values[_URL]
    if trust is not None and not address.encrypted:
        raise Malformed("`trust` has no effect without `rediss://`, leave it out")
    return LimitsStoreSettings(
        address=address,
        credentials=values[_CREDENTIALS],
        secret=values[_SECRET],
        trust=None if trust is None else Path(trust),
        timeout=values[_TIMEOUT],
        on_failure=values[_ON_FAILURE],
        prefix=values[_KEYS],
    )


LIMITS_STORE: Final = record(
    (_URL, _CREDENTIALS, _SECRET, _TRUST, _TIMEOUT, _ON_FAILURE, _KEYS),
    _store,
    wanted="a store, like `{url: redis://store.example:6379/0}`",
)


def store_from(base: Path, store: LimitsStoreSettings | None) -> LimitsStoreSettings | None:
    """The store with its files found from a folder."""
    if store is None:
        return None
    return replace(
        store,
        trust=None if store.trust is None else base / store.trust,
        credentials=_found(base, store.credentials),
        secret=_found(base, store.secret),
    )


def _found(base: Path, source: SecretSource | None) -> SecretSource | None:
    return source if source is None or source.file is None else SecretSource(base / source.file)
