"""The section `parents`: other proxies to go through, and which listener goes through which for which hosts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.config.endpoints import parse_server
from gateway.config.sections.matching import HOSTS
from gateway.config.settings import DIRECT, HostMatch, ParentRule, ParentSettings, Resolves, SecretSource
from gateway.policy.errors import Malformed
from gateway.policy.language.records import Values, one_of, optional, record, required
from gateway.policy.language.scalars import choice, kebab, text
from gateway.policy.language.shapes import WRONG, Read, Shape, Spot, mapping
from gateway.policy.language.suggestions import way_out

if TYPE_CHECKING:
    from gateway.config.settings import ServerSettings
    from gateway.policy.language.nodes import Node

PARENT: Final = "parent"
"""The kind under which parents are declared."""


def _parse_url(url: str) -> ServerSettings:
    if "@" in url:  # said without a word of the text: it may hold a password
        raise Malformed("user and password do not belong here, name a file or a variable under `credentials`")
    return parse_server(url)


_URL: Final = required(
    "url", text("a URL, like `http://proxy.corp.example:3128`").then(_parse_url), "Where the parent listens."
)
_WHO_RESOLVES: Final[tuple[Resolves, ...]] = ("gateway", "parent")
_RESOLVES: Final = optional("resolves", choice(_WHO_RESOLVES), "Who makes names addresses.", _WHO_RESOLVES[0])
_FILE: Final = optional("file", text("the path of a file that holds `user:password`"), "A file.", None)
_ENVIRONMENT: Final = optional("environment", text("the name of a variable"), "A variable of the environment.", None)


def _source(values: Values) -> Read[SecretSource]:
    file = values[_FILE]
    return SecretSource(None if file is None else Path(file), values[_ENVIRONMENT])


_CREDENTIALS: Final = optional(
    "credentials",
    record(
        (_FILE, _ENVIRONMENT),
        _source,
        wanted="where `user:password` is found, like `{file: parent.secret}`",
        rules=(one_of("file", "environment", why="a secret has one place"),),
    ),
    "Who the gateway is to the parent.",
    None,
)
_TRUST: Final = optional("trust", text("the path of a PEM file"), "Authorities for a parent over TLS.", None)


def _parent(values: Values) -> Read[ParentSettings]:
    server, trust = values[_URL], values[_TRUST]
    if trust is not None and server.scheme != "https":
        return values.spot.complain("`trust` is for a parent at `https://`, leave it out")
    return ParentSettings(
        name="",
        scheme=server.scheme,
        host=server.host,
        port=server.port,
        resolves=values[_RESOLVES],
        credentials=values[_CREDENTIALS],
        trust=None if trust is None else Path(trust),
    )


_PARENT: Final = record(
    (_URL, _RESOLVES, _CREDENTIALS, _TRUST), _parent, wanted='a parent, like `{url: "http://proxy.corp.example:3128"}`'
)


def _named(parents: dict[str, ParentSettings]) -> dict[str, ParentSettings]:
    if DIRECT in parents:
        raise Malformed("`direct` says that there is no parent, choose another name")
    return {name: replace(parent, name=name) for name, parent in parents.items()}


PARENTS: Final = mapping(kebab("the name of a parent"), _PARENT, "named parents").then(_named)


def found_from(base: Path, parent: ParentSettings) -> ParentSettings:
    """The parent with its files found from the folder `base`."""
    source = parent.credentials
    if source is not None and source.file is not None:
        parent = replace(parent, credentials=SecretSource(base / source.file))
    return parent if parent.trust is None else replace(parent, trust=base / parent.trust)


def _read_via(node: Node, spot: Spot) -> Read[str]:
    name = _VIA_NAME.read(node, spot)
    known = spot.declared.get(PARENT, {})
    if name is WRONG or name == DIRECT or name in known:
        return name
    way = way_out(name, known, otherwise="declared are") or ", declare it under `parents`"
    return spot.complain(f"there is no parent `{name}`{way}")


_VIA_NAME: Final = text("the name of a parent, or `direct`")
_VIA: Final = required("via", Shape(_VIA_NAME.wanted, _VIA_NAME.schema, _read_via), "The parent, or `direct`.")
_RULE_HOST: Final = optional("host", HOSTS, "The hosts that the rule is for; all if left out.", None)
PARENT_RULE: Final = record(
    (_RULE_HOST, _VIA),
    lambda values: ParentRule(via=values[_VIA], hosts=values[_RULE_HOST] or HostMatch()),
    wanted="a rule, like `{host: {under: [corp.example]}, via: head-office}`",
)
"""Which hosts are reached through which parent."""
