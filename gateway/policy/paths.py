"""The canonical request target: what was judged is what is sent.

Origins decode, merge and resolve paths, each in its own way, so a rule that looks at one spelling is evaded by
another. Here a target is brought to one form, which is sent, and what cannot be brought there is refused. Readings
that a further decoding would find are kept beside it (`forms`) for denies to look at; a target in which such a
reading hides a dot segment is refused, so that no reading leaves the folder that was judged.

Sources: RFC 9112 3.2 (forms of a target), RFC 3986 3.3, 5.2.4, 6.2.2 (paths, dot segments, equivalence).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final, Literal
from urllib.parse import unquote_plus

from gateway.policy import readings
from gateway.policy.errors import Malformed, TooLong, quoted

_PLAIN: Final = re.compile(r"(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._~!$&'()*+,=:@-]+)+/?|/")
_PLAIN_QUERY: Final = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@/?\[\]{}|^`-]*")
_VISIBLE: Final = re.compile(r"[!-~]*")
_ESCAPE: Final = re.compile(r"%[0-9A-Fa-f]{2}")
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL_ESCAPE: Final = re.compile(r"%(?:[01][0-9A-Fa-f]|7[Ff])")
_SEPARATOR_ESCAPE: Final = re.compile(r"%(?:2[Ff]|5[Cc])")
_NO_PATH_CHARACTER: Final = re.compile(r"[^A-Za-z0-9._~!$&'()*+,;=:@/%-]")
_NO_QUERY_CHARACTER: Final = re.compile(r"[\"<>\\]")
_MANY_SLASHES: Final = re.compile(r"/{2,}")
_UNRESERVED: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_ABSOLUTE: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?]*)(.*)", re.DOTALL)
_SCHEMES: Final = frozenset({"http", "https"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetRules:
    r"""What a listener or route accepts in targets.

    `encoded_slash` speaks of `%2f` and `%5c` in the path. `slashes` says whether `//` is `/`. `max_length` is in
    bytes. A `strict` target holds no path bytes that are not UTF-8 and no `\` in its query, though browsers send both.
    """

    encoded_slash: Literal["refuse", "keep"] = "refuse"
    slashes: Literal["merge", "keep"] = "merge"
    max_length: int = 8192
    strict: bool = True


REVERSE_RULES: Final = TargetRules()
FORWARD_RULES: Final = TargetRules(encoded_slash="keep", slashes="keep", strict=False)


@dataclass(frozen=True, slots=True)
class Target:
    """A canonical request target; made by `Target.parse`.

    `raw` is the target as received, `path` and `query` (without `?`, None if there is no `?`) what is sent.
    `forms[0]` is the decoded canonical path, with `%2F` and `%5C` left encoded; the others are readings that a deny
    must look at too, the raw path among them. `changed`: the path differs from the raw one beyond the case of hex
    digits; equivalent spellings in a query are no change. `aliases` are readings of another path under which the same
    request is sent, if a route rewrites it: a deny looks at them too. `query_hidden`: nobody can say any more what the
    query was, as of a request that is only known from a log; conditions on it are unknown.
    """

    raw: str
    path: str
    query: str | None
    forms: tuple[str, ...]
    changed: bool
    aliases: tuple[str, ...] = ()
    query_hidden: bool = False

    @classmethod
    def parse(cls, raw: str | bytes, rules: TargetRules) -> Target:
        """Read an origin-form target (`/...`) or `*`. Raises Malformed, TooLong above `max_length`."""
        text = raw.decode("latin-1") if isinstance(raw, bytes) else raw
        if len(text) > rules.max_length:
            raise TooLong(f"target: it has {len(text)} bytes, at most {rules.max_length} are accepted")
        path, mark, rest = text.partition("?")
        query = _canonical_query(rest, rules) if mark else None
        if _PLAIN.fullmatch(path):
            return cls(text, path, query, (path,), changed=False)
        if text == "*":
            return cls(text, "*", None, ("*",), changed=False)
        canonical = _canonical_path(path, rules)
        changed = canonical != _ESCAPE.sub(_upper, path)
        return cls(text, canonical, query, readings.of(path, canonical), changed)

    @property
    def sent(self) -> str:
        """The target as it goes to the origin."""
        return self.sent_as(self.path)

    @property
    def holds_separator(self) -> bool:
        """Whether the path holds an encoded slash or backslash, which is data and separates nothing."""
        return "%" in self.path and _SEPARATOR_ESCAPE.search(self.path) is not None

    def known_as(self, path: str) -> Target:
        """The same target, of which a deny also looks at this canonical path, under which it is sent."""
        forms = (path,) if _PLAIN.fullmatch(path) else readings.of(path, path)
        return replace(self, aliases=forms)

    def sent_as(self, path: str) -> str:
        """The target as it goes to the origin under another path."""
        return path if self.query is None else f"{path}?{self.query}"

    def parameters(self) -> tuple[tuple[str, str], ...]:
        """The query's names and values in order, decoded (`+` is a space, bytes that are no UTF-8 are U+FFFD)."""
        if not self.query:
            return ()
        pairs = (part.partition("=") for part in self.query.split("&") if part)
        return tuple((unquote_plus(name), unquote_plus(value)) for name, _, value in pairs)


def parse_absolute(uri: str) -> tuple[str, str, str]:
    """Split an absolute-form target into scheme, authority text and origin-form target.

    The authority still has to be read with `parse_authority`, the target with `Target.parse`. Raises Malformed.
    """
    _refuse_invisible(uri)
    found = _ABSOLUTE.fullmatch(uri)
    if found is None:
        raise Malformed("target: it is neither a path nor an absolute URL like `http://host/path`")
    scheme, authority, rest = found[1].lower(), found[2], found[3]
    if scheme not in _SCHEMES:
        raise Malformed(f"target: the scheme {quoted(scheme)} is not accepted, only http and https are")
    if "@" in authority:
        raise Malformed("target: user information before `@` is not allowed")
    if not authority:
        raise Malformed("target: the host is missing")
    return scheme, authority, rest if rest.startswith("/") else f"/{rest}"


def _canonical_path(path: str, rules: TargetRules) -> str:
    if not path.startswith("/"):
        raise Malformed("target: it has to begin with `/`")
    _refuse_invisible(path)
    if "\\" in path:
        raise Malformed(f"target {quoted(path)}: `\\` is not allowed in a path")
    if _CONTROL_ESCAPE.search(path):
        raise Malformed(f"target {quoted(path)}: encoded control characters are not allowed in a path")
    if rules.encoded_slash == "refuse" and _SEPARATOR_ESCAPE.search(path):
        raise Malformed(f"target {quoted(path)}: an encoded `/` or `\\` is not allowed here")
    readings.refuse_odd_encodings(path, strict=rules.strict)
    canonical = _NO_PATH_CHARACTER.sub(_encoded, _ESCAPE.sub(_simplest, path))
    if rules.slashes == "merge":
        canonical = _MANY_SLASHES.sub("/", canonical)
    canonical = readings.resolved(canonical)
    readings.refuse_hidden_dots(canonical)
    return canonical


def _canonical_query(query: str, rules: TargetRules) -> str:
    if _PLAIN_QUERY.fullmatch(query):
        return query
    _refuse_invisible(query)
    if rules.strict and "\\" in query:
        raise Malformed("target: `\\` is not allowed in the query, write `%5C`")
    if "%00" in query:
        raise Malformed("target: `%00` is not allowed")
    return _NO_QUERY_CHARACTER.sub(_encoded, _ESCAPE.sub(_simplest, query))


def _refuse_invisible(text: str) -> None:
    """Refuse what no part of a target may hold, without showing it: it may come from a query."""
    if not _VISIBLE.fullmatch(text):
        raise Malformed("target: spaces, control characters and non-ASCII text have to be percent-encoded")
    if "#" in text:
        raise Malformed("target: a fragment (`#`) never belongs into a request")
    if _BAD_ESCAPE.search(text):
        raise Malformed("target: a `%` has to be followed by two hexadecimal digits, a plain one is written `%25`")


def _simplest(escape: re.Match[str]) -> str:
    character = chr(int(escape[0][1:], 16))
    return character if character in _UNRESERVED else escape[0].upper()


def _upper(escape: re.Match[str]) -> str:
    return escape[0].upper()


def _encoded(character: re.Match[str]) -> str:
    return f"%{ord(character[0]):02X}"
