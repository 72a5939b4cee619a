"""Signed notes: a text for people, and lines below it that say who vouches for it.

    wicketgate/3f0c...           the text, every line of it ends in a newline
    1234
    CsUYapGGPo4d...=
                                 an empty line
    - wicketgate/3f0c... Az3g... one line per signature: an em dash, the name of the key, base64(key id, signature)

Source: https://c2sp.org/signed-note, with Ed25519 (RFC 8032) alone.
"""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_ED25519: Final = b"\1"
_ID_SIZE: Final = 4
_KEY_SIZE: Final = 32
_DASH: Final = "\N{EM DASH} "
_MOST_SIGNATURES: Final = 64


class BadNote(Exception):  # noqa: N818 - it says what is wrong with a text, and is no failure of the program
    """A text is no signed note, or nobody who is known has signed it. The message is a phrase for people."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """The public half of a key: its name and 32 bytes of Ed25519."""

    name: str
    public: bytes

    @property
    def id(self) -> bytes:
        """Four bytes that tell keys of one name apart."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:_ID_SIZE]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{b64encode(_ED25519 + self.public).decode()}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `name+id+base64`. Raises BadNote."""
        name, _, rest = text.strip().partition("+")
        identifier, _, encoded = rest.partition("+")
        kind_and_key = _decoded(encoded)
        if not _is_name(name) or kind_and_key[:1] != _ED25519 or len(kind_and_key) != 1 + _KEY_SIZE:
            raise BadNote(f"`{text.strip()[:100]}` is no public key, one looks like `wicketgate/1f2e+0a1b2c3d+A...`")
        key = cls(name, kind_and_key[1:])
        if key.id.hex() != identifier:
            raise BadNote(f"`{identifier[:20]}` is not the id of this key: a letter of it was lost or changed")
        return key

    def signed(self, text: str, signature: bytes) -> bool:
        """Whether this key made the signature."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The private half, 32 secret bytes."""

    name: str
    secret: bytes

    def __repr__(self) -> str:
        return f"SigningKey({self.name!r})"

    @property
    def verifier(self) -> VerifierKey:
        """The public half."""
        return VerifierKey(self.name, self._key().public_key().public_bytes_raw())

    def sign(self, text: str) -> bytes:
        """64 bytes of Ed25519."""
        return self._key().sign(text.encode())

    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.secret)


@dataclass(frozen=True, slots=True)
class Signature:
    """Who is said to have signed: the name and the id of a key."""

    name: str
    id: bytes
    signature: bytes

    def __str__(self) -> str:
        return f"{_DASH}{self.name} {b64encode(self.id + self.signature).decode()}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A text, whose last line ends in a newline, and its signatures, which nobody has checked yet."""

    text: str
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        return f"{self.text}\n{''.join(map(str, self.signatures))}"

    @classmethod
    def sign(cls, text: str, keys: Iterable[SigningKey]) -> Self:
        """A note that these keys vouch for."""
        return cls(text, tuple(Signature(key.name, key.verifier.id, key.sign(text)) for key in keys))

    @classmethod
    def parse(cls, note: str) -> Self:
        """Read a note. Raises BadNote."""
        if any(letter < " " and letter != "\n" for letter in note):
            raise BadNote("a note holds no control characters")
        text, found, below = note.rpartition("\n\n")
        lines = below.split("\n")
        if not found or not text or lines.pop() or not 0 < len(lines) <= _MOST_SIGNATURES:
            raise BadNote("a note ends in an empty line and lines with signatures")
        return cls(text + "\n", tuple(map(_signature, lines)))

    def signers(self, known: Sequence[VerifierKey]) -> tuple[VerifierKey, ...]:
        """Those of the known keys that vouch for the text. Raises BadNote: there is none, or one of them is forged."""
        keys = {(key.name, key.id): key for key in known}
        found = list[VerifierKey]()
        for each in self.signatures:
            key = keys.get((each.name, each.id))
            if key is None:
                continue
            if not key.signed(self.text, each.signature):
                raise BadNote(f"the signature of `{key.name}+{key.id.hex()}` does not fit the text")
            found.append(key)
        if not found:
            raise BadNote("no key that is known has signed it")
        return tuple(found)


def notes_in(text: str) -> list[str]:
    """The single notes of a file that holds one after the other."""
    found, lines, signing = list[str](), list[str](), False
    for line in text.splitlines(keepends=True):
        if signing and not line.startswith(_DASH):
            found.append("".join(lines))
            lines, signing = [], False
        signing = signing or (line.startswith(_DASH) and bool(lines) and lines[-1] == "\n")
        lines.append(line)
    if lines:
        found.append("".join(lines))
    return found


def _signature(line: str) -> Signature:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    raw = _decoded(encoded)
    if not line.startswith(_DASH) or not _is_name(name) or len(raw) <= _ID_SIZE:
        raise BadNote(f"`{line[:100]}` is no line with a signature")
    return Signature(name, raw[:_ID_SIZE], raw[_ID_SIZE:])


def _is_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(letter.isspace() for letter in name)


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (NotBase64, ValueError):
        return b""
