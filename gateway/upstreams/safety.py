"""Fields that make browsers careful with an answer, as presets of a reverse listener or of one of its routes.

They fill in what an application leaves out; what it says itself stays, because it knows its own pages. `api` is for
answers that no browser shows, `web` for pages that should go on working as they are, `strict` for those written for it.

Source: RFC 6797 (Strict-Transport-Security, section 7.2: over https alone), W3C Content Security Policy 3, Referrer
Policy and Permissions Policy; OWASP Secure Headers Project.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

type SecurityPreset = Literal["off", "api", "web", "strict"]
type RawField = tuple[bytes, bytes]

PRESETS: Final[tuple[SecurityPreset, ...]] = ("off", "api", "web", "strict")

_HSTS: Final = b"Strict-Transport-Security"
_YEAR: Final = b"max-age=31536000"
_TWO_YEARS: Final = b"max-age=63072000; includeSubDomains"
_NO_SNIFFING: Final = (b"X-Content-Type-Options", b"nosniff")
_ALL_CLOSED: Final = (
    b"accelerometer=(), autoplay=(), camera=(), display-capture=(), encrypted-media=(), fullscreen=(), geolocation=(), "
    b"gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), publickey-credentials-get=(), "
    b"screen-wake-lock=(), usb=(), xr-spatial-tracking=()"
)

_FIELDS: Final[dict[SecurityPreset, tuple[RawField, ...]]] = {
    "off": (),
    "api": (
        _NO_SNIFFING,
        (b"X-Frame-Options", b"DENY"),
        (b"Referrer-Policy", b"no-referrer"),
        (b"Content-Security-Policy", b"default-src 'none'; frame-ancestors 'none'"),
    ),
    "web": (
        _NO_SNIFFING,
        (b"X-Frame-Options", b"SAMEORIGIN"),
        (b"Referrer-Policy", b"strict-origin-when-cross-origin"),
        (b"Permissions-Policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
        (b"Content-Security-Policy", b"base-uri 'self'; object-src 'none'; frame-ancestors 'self'"),
    ),
    "strict": (
        _NO_SNIFFING,
        (b"X-Frame-Options", b"DENY"),
        (b"Referrer-Policy", b"no-referrer"),
        (b"Permissions-Policy", _ALL_CLOSED),
        (
            b"Content-Security-Policy",
            b"default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'",
        ),
        (b"Cross-Origin-Opener-Policy", b"same-origin"),
        (b"Cross-Origin-Resource-Policy", b"same-origin"),
    ),
}
_LIFETIMES: Final[dict[SecurityPreset, bytes]] = {"api": _YEAR, "web": _YEAR, "strict": _TWO_YEARS}


@cache
def fields_of(preset: SecurityPreset, *, https: bool) -> tuple[RawField, ...]:
    """All fields of a preset, for an answer that was asked for over `https` or not."""
    lifetime = _LIFETIMES.get(preset)
    return _FIELDS[preset] if lifetime is None or not https else (*_FIELDS[preset], (_HSTS, lifetime))


def of_own_page(preset: SecurityPreset, *, https: bool) -> tuple[RawField, ...]:
    """The fields of a page of the gateway's own where a preset is in force: nobody frames it, and it loads nothing."""
    if preset == "off":
        return ()
    lifetime = [field for field in fields_of(preset, https=https) if field[0] == _HSTS]
    return (*fields_of("api", https=False), *lifetime)


def filled_in(fields: Iterable[RawField], more: Iterable[RawField]) -> list[RawField]:
    """The fields, with those of `more` of which they have none."""
    held = list(fields)
    names = {name.lower() for name, _ in held}
    return [*held, *(field for field in more if field[0].lower() not in names)]
