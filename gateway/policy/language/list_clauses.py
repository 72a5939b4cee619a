"""`lists` and `groups`: the named sets of a policy, and what is not believed of a list that comes from outside."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal

from gateway.policy.addresses import AddressClass
from gateway.policy.errors import Malformed, quoted
from gateway.policy.language.clauses import GroupDocument, Guard, ListDocument, ListType, NameEntry
from gateway.policy.language.feeds import DIGEST, FEED
from gateway.policy.language.nodes import Mapping, Node, Scalar
from gateway.policy.language.operands import ADDRESSES, HOST, NETWORK, PARENT
from gateway.policy.language.records import Key, Values, at_least_one_of, one_of, only_with, optional, record, required
from gateway.policy.language.scalars import DURATION, PERCENT, choice, integer, kebab, text
from gateway.policy.language.shapes import WRONG, Read, Shape, Spot, described, mapping, sequence
from gateway.policy.language.suggestions import nearest, way_out

if TYPE_CHECKING:
    from gateway.policy.addresses import Network
    from gateway.policy.language.conditions import ListRef
    from gateway.policy.names import Host

PLAIN: Final = "plain"
FORMATS: Final[dict[ListType, tuple[str, ...]]] = {
    "domain": (PLAIN, "hosts", "adblock", "rpz"),
    "network": (PLAIN, "netset", "drop"),
    "database": ("mmdb",),
}
"""The formats of files by type of list; the first one is meant if none is named."""

_SAY_THEMSELVES: Final = frozenset({"adblock", "rpz"})
_MOST_ENTRIES: Final = 10**9
_BOTH_WAYS: Final = "write `match: is` if an entry stands for itself alone, `match: under` if also for all below it"

# --- guards -----------------------------------------------------------------------------------------------------------

type Forbidden = Network | AddressClass | ListRef | NameEntry

_CLASSES: Final = tuple(map(str, AddressClass))
_FORBIDDEN_WANTED: Final = "a network, a class like `private`, a `@list`, or a name like `under: example.com`"


def _read_forbidden(node: Node, spot: Spot) -> Read[Forbidden]:
    match node:
        case Mapping():
            return _NAME_ENTRY.read(node, spot)
        case Scalar(text=AddressClass.PUBLIC):
            return spot.complain("`public` is what lists are made of, name what must stay out, like `private`")
        case Scalar(text=written) if _seems_a_name(written):
            under, exactly = quoted(f"under: {written}"), quoted(f"is: {written}")
            return spot.complain(f"{quoted(written)}: write {under} for a name and all below it, or {exactly}")
        case Scalar():
            return ADDRESSES.read(node, spot)
    return spot.complain(f"{described(node)} cannot stand here, here belongs {_FORBIDDEN_WANTED}")


def _seems_a_name(written: str) -> bool:
    if not written or written[0].isdigit() or written[0] == "@" or ":" in written:
        return False
    return "." in written or (written not in _CLASSES and nearest(written, _CLASSES) is None)


def _name_entry(values: Values) -> Read[NameEntry]:
    exact = values[_IS]
    if exact is not None:
        return NameEntry("is", exact)
    below = values[_UNDER]
    return WRONG if below is None else NameEntry("under", below)


_IS: Final = optional("is", HOST, "Exactly this name.", None)
_UNDER: Final = optional("under", PARENT, "This name and all names below it.", None)
_NAME_ENTRY: Final = record(
    (_IS, _UNDER),
    _name_entry,
    wanted="a name, like `under: example.com`",
    rules=(one_of("is", "under", why="an entry is one name"),),
)
_FORBIDDEN: Final[Shape[Forbidden]] = Shape(
    _FORBIDDEN_WANTED,
    {"anyOf": [ADDRESSES.schema, _NAME_ENTRY.schema]},
    _read_forbidden,
)
_MIN_ENTRIES: Final = optional(
    "min_entries", integer(1, _MOST_ENTRIES), "Fewer entries than this are not believed.", None
)
_MAX_SHRINK: Final = optional("max_shrink", PERCENT, "A larger loss of entries at once is not believed.", None)
_NEVER: Final[Key[tuple[Forbidden, ...]]] = optional(
    "never_contains",
    sequence(_FORBIDDEN, "[under: example.com]"),
    "A list that holds one of these is not believed.",
    (),
)
_GUARD_KEYS: Final = (_MIN_ENTRIES, _MAX_SHRINK, _NEVER)


def _guard(values: Values) -> Read[Guard]:
    return Guard(
        min_entries=values[_MIN_ENTRIES],
        max_shrink=values[_MAX_SHRINK],
        never_contains=values[_NEVER],
        place=values.place,
    )


_GUARD_RECORD: Final = record(
    _GUARD_KEYS,
    _guard,
    wanted="a guard, like `{min_entries: 1000}`",
    rules=(at_least_one_of(*(key.name for key in _GUARD_KEYS), why="a guard without them guards nothing"),),
)

# --- lists ------------------------------------------------------------------------------------------------------------

_TYPES: Final[tuple[ListType, ...]] = ("domain", "network", "database")
_ANY_FORMAT: Final = tuple(dict.fromkeys(name for names in FORMATS.values() for name in names))
_MATCHES: Final[tuple[Literal["is", "under"], ...]] = ("is", "under")

_SOONEST: Final = 60.0


def _pause(seconds: float) -> float:
    if seconds < _SOONEST:
        raise Malformed("a list is fetched at most once a minute, write at least `1min`")
    return seconds


_TYPE: Final = required("type", choice(_TYPES), "What the entries are: names, networks, or a database of addresses.")
_FORMAT: Final = optional("format", text(f"a format, like `{_ANY_FORMAT[1]}`"), "How the file is written.", None)
_FILE: Final = optional("file", text("the path of a file"), "A file, found from where the policy lies.", None)
_ITEMS: Final = optional("items", sequence(text("an entry"), "[example.com]"), "The entries, written here.", ())
_MATCH: Final = optional(
    "match", choice(_MATCHES), "What an entry stands for: itself, or also all names below it.", None
)
_MAX_AGE: Final = optional("max_age", DURATION, "An older file is reported.", None)
_GUARD: Final = optional("guard", _GUARD_RECORD, "When a new copy of the file is not believed.", None)
_URL: Final = optional("url", FEED, "Where it is fetched in the background, over https alone.", None)
_REFRESH: Final = optional("refresh", DURATION.then(_pause), "How long until it is fetched again.", 86_400.0)
_CA: Final = optional("ca", text("the path of a file"), "Who vouches for that server, PEM.", None)
_DIGEST: Final = optional("digest", DIGEST, "What it has to be; anything else is refused.", None)
_OF_FEEDS: Final = ("refresh", "ca", "digest")
_OF_FILES: Final = ("format", "max_age", "guard")


def _check_source(node: Mapping, spot: Spot) -> None:
    """What is about the entries' place stands with the place that it is about."""
    if node.get("url") is None:
        only_with("url", *_OF_FEEDS, why="it is about what is fetched")(node, spot)
        if node.get("file") is None:
            only_with("file", *_OF_FILES, why="it is about files")(node, spot)


def _check_format(node: Mapping, spot: Spot) -> None:
    kind, written = node.get("type"), node.get("format")
    if not isinstance(kind, Scalar) or not isinstance(written, Scalar):
        return
    known = next((names for name, names in FORMATS.items() if name == kind.text), None)
    if known is not None and written.text not in known:
        way = way_out(written.text, known, otherwise="it is one of")
        spot.key("format", written).complain(f"{quoted(written.text)} is no format of a `{kind.text}` list{way}")


def _check_match(node: Mapping, spot: Spot) -> None:
    kind, written, match = node.get("type"), node.get("format"), node.get("match")
    if not isinstance(kind, Scalar):
        return
    name = written.text if isinstance(written, Scalar) else PLAIN
    if kind.text != "domain":
        if match is not None:
            spot.key("match", match).complain("`match` is for lists of type `domain`, leave it out")
    elif name in _SAY_THEMSELVES:
        if match is not None:
            spot.key("match", match).complain(f"a file of format `{name}` says itself what its entries stand for")
    elif match is None and name == PLAIN:
        spot.complain(f"`match` is missing: {_BOTH_WAYS}")


def _check_database(node: Mapping, spot: Spot) -> None:
    kind = node.get("type")
    if not isinstance(kind, Scalar) or kind.text != "database":
        return
    for key in ("items", "guard"):
        part = node.get(key)
        if part is not None:
            spot.key(key, part).complain(f"`{key}` is not for lists of type `database`, leave it out")


def _list(values: Values) -> Read[ListDocument]:
    kind = values[_TYPE]
    items = _items(kind, values)
    if items is WRONG or not _guard_fits(kind, values):
        return WRONG
    written = values[_FORMAT]
    return ListDocument(
        name="",
        type=kind,
        format=written or (None if values[_FILE] is None and values[_URL] is None else FORMATS[kind][0]),
        file=values[_FILE],
        feed=values[_URL],
        refresh=values[_REFRESH],
        ca=values[_CA],
        digest=values[_DIGEST],
        items=items,
        match=values[_MATCH] or ("is" if written == "hosts" else None),
        max_age=values[_MAX_AGE],
        guard=values[_GUARD],
        place=values.place,
    )


def _items(kind: ListType, values: Values) -> Read[tuple[Host | Network, ...]]:
    node = values.node.get("items")
    if node is None:
        return ()
    spot = values.spot.key("items", node)
    if kind == "network":
        return sequence(NETWORK, "[10.0.0.0/8]").read(node, spot)
    return sequence(HOST if values[_MATCH] == "is" else PARENT, "[example.com]").read(node, spot)


def _guard_fits(kind: ListType, values: Values) -> bool:
    guard = values[_GUARD]
    if guard is None:
        return True
    strangers = [entry for entry in guard.never_contains if isinstance(entry, NameEntry) is not (kind == "domain")]
    node = values.node.get("guard")
    if strangers and node is not None:
        spot = values.spot.key("guard", node)
        wanted = "names, like `under: example.com`" if kind == "domain" else "networks, classes or `@lists`"
        spot.complain(f"`never_contains` of a `{kind}` list holds {wanted}")
    return not strangers


_LIST: Final = record(
    (_TYPE, _FORMAT, _FILE, _URL, _REFRESH, _CA, _DIGEST, _ITEMS, _MATCH, _MAX_AGE, _GUARD),
    _list,
    wanted="a list, like `{type: network, items: [10.0.0.0/8]}`",
    rules=(
        one_of("file", "items", "url", why="the entries stand in a file or here, or are fetched"),
        _check_source,
        _check_format,
        _check_match,
        _check_database,
    ),
)


def _named(lists: dict[str, ListDocument]) -> dict[str, ListDocument]:
    return {name: replace(entry, name=name) for name, entry in lists.items()}


LISTS: Final = mapping(kebab("the name of a list"), _LIST, "named lists, like `{ads: {type: domain, ...}}`").then(
    _named
)
"""The lists of a policy by name."""

# --- groups -----------------------------------------------------------------------------------------------------------

_USERS: Final = optional("users", sequence(text("the name of a user"), "[alice]"), "Who is in the group by name.", ())
_CLIENTS: Final[Key[tuple[Network | AddressClass | ListRef, ...]]] = optional(
    "clients", sequence(ADDRESSES, "[10.20.0.0/16]"), "Who is in it by address.", ()
)


def _group(values: Values) -> Read[GroupDocument]:
    return GroupDocument(name="", users=values[_USERS], clients=values[_CLIENTS], place=values.place)


_GROUP: Final = record(
    (_USERS, _CLIENTS),
    _group,
    wanted="a group, like `{users: [alice]}`",
    rules=(at_least_one_of("users", "clients", why="a group without them has no members"),),
)


def _members(groups: dict[str, GroupDocument]) -> dict[str, GroupDocument]:
    return {name: replace(group, name=name) for name, group in groups.items()}


GROUPS: Final = mapping(
    text("the name of a group", longest=128), _GROUP, "named groups, like `{staff: {users: [alice]}}`"
).then(_members)
"""The groups of a policy by name."""
