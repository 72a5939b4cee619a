"""Rows of a table: what is sent, under which policy, and what must come of it. The files are the data.

They are read by the product's own strict reader of YAML, and every key is checked: a row that says something that
nobody would look at is a mistake of the table. `forward/README.md` and `reverse/README.md` explain the form to people.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from gateway.policy.language.loader import load
from gateway.policy.language.nodes import Mapping, Scalar, Sequence
from gateway.policy.model import ALLOWING, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.policy.language.nodes import Node

FOLDER: Final = Path(__file__).parent / "forward"
REVERSE: Final = Path(__file__).parent / "reverse"

type Where = Literal["plain", "tunnel", "tls", "h2"]

_DEFAULT_KEYS: Final = {"policy", "in", "to", "want", "backends"}
_FILE_KEYS: Final = _DEFAULT_KEYS | {"subject", "about", "places", "rows"}
_PLACE_KEYS: Final = _DEFAULT_KEYS | {"sni", "send", "answer", "closes", "gets", "reaches", "asks", "marker"}
_ROW_KEYS: Final = _PLACE_KEYS | {"id", "why", "x", "y", "at", "every_split"}
_WANT_KEYS: Final = {"status", "closed", "cut", "reason", "rule", "end"}
_GET_KEYS: Final = {"has", "lacks"}
_REACH_KEYS: Final = {"requests", "has", "lacks"}
_SEVERAL: Final = 2
_ID: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_ESCAPE: Final = re.compile(r"\\(r|n|t|0|\\|x[0-9A-Fa-f]{2})|\\(.?)", re.DOTALL)
_PLAIN_ESCAPES: Final = {"r": "\r", "n": "\n", "t": "\t", "0": "\x00", "\\": "\\"}


class BadTable(ValueError):  # noqa: N818 - it says what the table is
    """A row that cannot be run, or would not say what it seems to say."""


@dataclass(frozen=True, slots=True)
class Want:
    """One exchange as it must end: `status` None is a connection that ends without an answer.

    An answer that `is_cut` has this status and no end. `rule` is the deciding rule. `end` is the reason of the record
    of its end, where that says more than the decision.
    """

    status: int | None
    reason: Reason
    rule: str | None = None
    end: Reason | None = None
    is_cut: bool = False

    @property
    def is_answered(self) -> bool:
        """Whether a whole answer comes."""
        return self.status is not None and not self.is_cut

    @property
    def allowed(self) -> bool:
        """Whether the decision is an allow."""
        return self.reason in ALLOWING


@dataclass(frozen=True, slots=True)
class Reach:
    """What an origin must have received: the request lines in order, bytes that are there, bytes that are not."""

    requests: tuple[str, ...]
    has: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing that somebody might try. `x` stands for `{x}` in everything, `y` for `{y}` in what must come of it.

    `answer` is what origins answer with, if not the usual thing, after which they close if it `closes`; `gets` is what
    the client has of it. `backend` is who stands behind a reverse listener. `is_marked` says that a request follows on
    the same connection, too, whose answer has to be its own.
    """

    file: str
    id: str
    why: str
    policy: str
    where: Where
    to: str
    sni: str | None
    steps: tuple[Any, ...]
    wants: tuple[Want, ...]
    reaches: Reach | None
    asks: tuple[str, ...] | None
    answer: str | None
    gets: Reach
    every_split: bool
    backend: str | None = None
    closes: bool = False
    is_marked: bool = True

    @property
    def listener(self) -> str:
        """The listener at which it is tried."""
        return self.policy if self.backend is None else f"{self.policy}-{self.backend}"

    @property
    def name(self) -> str:
        """How a person finds it."""
        return f"{self.file}/{self.id}"

    @property
    def refused(self) -> bool:
        """Whether nothing of it may get anywhere."""
        return self.reaches is None


@dataclass(frozen=True, slots=True)
class Subject:
    """One file of the table."""

    file: str
    title: str
    about: str
    rows: tuple[Row, ...]


def subjects(folder: Path = FOLDER) -> tuple[Subject, ...]:
    """A whole table, file by file."""
    return tuple(read(path) for path in sorted(folder.glob("*.yaml")))


def read(path: Path) -> Subject:
    """The rows of one file. Raises BadTable, or Invalid for what is no YAML."""
    return parse(path.read_text("utf-8"), path.stem)


def parse(text: str, file: str) -> Subject:
    """The rows of a text. Raises BadTable."""
    held = _plain(load(text, file))
    _known(held, _FILE_KEYS, file)
    places = held.get("places", {})
    for name, place in places.items():
        _known(place, _PLACE_KEYS, f"{file}: place {name}")
    rows = tuple(row for each in held["rows"] for row in _rows(file, held, places, each))
    ids = [row.id for row in rows]
    if twice := next((each for each in ids if ids.count(each) > 1), None):
        raise BadTable(f"{file}: the id `{twice}` stands twice")
    return Subject(file, held["subject"], held["about"], rows)


def _rows(file: str, held: dict[str, Any], places: dict[str, Any], said: dict[str, Any]) -> Iterator[Row]:
    where = f"{file}: row {said.get('id')}"
    _known(said, _ROW_KEYS, where)
    if not _ID.fullmatch(str(said.get("id"))) or not said.get("why"):
        raise BadTable(f"{where}: a row has an id of small letters and hyphens, and a why")
    if ("at" in said) == ("send" in said):
        raise BadTable(f"{where}: a row says either what it sends, or at which places its `x` stands")
    for place in said.get("at", [None]):
        if place is not None and place not in places:
            raise BadTable(f"{where}: the place `{place}` is unknown")
        own = {key: value for key, value in said.items() if key != "at"}
        if place is not None:
            own["id"] = f"{said['id']}@{place}"
        merged = {**_defaults(held), **places.get(place or "", {}), **own}
        for backend in merged.get("backends", [None]):
            yield _row(file, merged, where, backend)


def _defaults(held: dict[str, Any]) -> dict[str, Any]:
    return {key: held[key] for key in _DEFAULT_KEYS if key in held}


def _row(file: str, said: dict[str, Any], where: str, backend: str | None) -> Row:
    x, y = (unescaped(str(said[key])) if key in said else None for key in ("x", "y"))
    asked = said["send"] if isinstance(said["send"], list) else [said["send"]]
    if x is not None and "{x}" not in str([said["send"], said.get("to"), said.get("sni"), said.get("answer")]):
        raise BadTable(f"{where}: nothing that is sent holds its `x`")
    wanted = said["want"] if isinstance(said["want"], list) else [said["want"]]
    wants = tuple(_want(each, where) for each in wanted)
    reaches = _reach(_told(said.get("reaches", "nothing"), x, y), where)
    if reaches is not None and not any(want.allowed for want in wants):
        raise BadTable(f"{where}: what is refused reaches nothing")
    asks = said.get("asks", [] if reaches is None else None)
    return Row(
        file=file,
        id=said["id"] if len(said.get("backends", ())) < _SEVERAL else f"{said['id']}+{backend}",
        why=said["why"],
        policy=said.get("policy", "egress"),
        where=said.get("in", "plain"),
        to=_told(said.get("to", "open.example:{port}"), x),
        sni=None if "sni" not in said else _told(said["sni"], x),
        steps=tuple(_told(step, x) for step in asked),
        wants=wants,
        reaches=reaches,
        asks=None if asks is None else tuple(asks),
        answer=None if "answer" not in said else _told(said["answer"], x),
        gets=_reach(_told(said.get("gets", {}), x, y), where, _GET_KEYS) or Reach(()),
        every_split=bool(said.get("every_split", False)),
        backend=backend,
        closes=bool(said.get("closes", False)),
        is_marked=said.get("marker", "both") == "both",
    )


def _told(step: Any, x: str | None, y: str | None = None) -> Any:
    """A step with its escapes read, and its `x` and `y` in place."""
    if isinstance(step, str):
        text = unescaped(step)
        text = text if x is None else text.replace("{x}", x)
        return text if y is None else text.replace("{y}", y)
    if isinstance(step, dict):
        return {key: _told(value, x, y) for key, value in step.items()}
    if isinstance(step, list):
        return [_told(each, x, y) for each in step]
    return step


def _want(said: dict[str, Any], where: str) -> Want:
    _known(said, _WANT_KEYS, where)
    if len({"status", "closed", "cut"} & said.keys()) != 1:
        raise BadTable(f"{where}: an exchange ends with a status or with a closed connection")
    status, end = said.get("status", said.get("cut")), None if "end" not in said else Reason(said["end"])
    return Want(status, Reason(said["reason"]), said.get("rule"), end, is_cut="cut" in said)


def _reach(said: Any, where: str, keys: set[str] = _REACH_KEYS) -> Reach | None:
    if said == "nothing":
        return None
    _known(said, keys, where)
    return Reach(*(tuple(said.get(key, ())) for key in ("requests", "has", "lacks")))


def unescaped(text: str) -> str:
    r"""Text with `\r \n \t \0 \\ \xHH` read; any other backslash is refused."""

    def read_one(found: re.Match[str]) -> str:
        if found[1] is None:
            raise BadTable(f"`\\{found[2]}` is no escape of the table, a backslash is written twice")
        return _PLAIN_ESCAPES.get(found[1]) or chr(int(found[1][1:], 16))

    return _ESCAPE.sub(read_one, text)


def wire(text: str) -> bytes:
    """The bytes of a text: one for each character below U+0100, UTF-8 for all others."""
    return b"".join(each.encode("latin-1" if ord(each) < 0x100 else "utf-8") for each in text)


def _known(said: Any, keys: set[str], where: str) -> None:
    if not isinstance(said, dict):
        raise BadTable(f"{where}: here belong keys and values, not `{said}`")
    if odd := sorted(set(said) - keys):
        raise BadTable(f"{where}: nobody reads the key `{odd[0]}`")


def _plain(node: Node) -> Any:
    match node:
        case Mapping():
            return {entry.key: _plain(entry.value) for entry in node}
        case Sequence():
            return [_plain(item) for item in node.items]
        case Scalar():
            return node.value
        case _:
            raise BadTable("a value that cannot be read")
