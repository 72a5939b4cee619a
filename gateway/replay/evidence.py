"""What was allowed, gathered from the log: for every place the ways in which it was used, and how often by whom."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.audit.records.secrets import MASK
from gateway.policy.addresses import Address, is_special, special_parts
from gateway.policy.errors import Malformed
from gateway.policy.model import Mode, Reason
from gateway.policy.names import Host
from gateway.replay.recall import tunnelled
from gateway.replay.replaying import BY_POLICY

type Record = dict[str, Any]

_ALLOWED: Final = frozenset({Reason.ALLOWED_BY_RULE, Reason.ALLOWED_BY_DEFAULT})


@dataclass(slots=True)
class Seen:
    """How often something was seen, by which clients, when first and last, and one decision to look at."""

    example: str = ""
    first: str = "9999"
    last: str = ""
    count: int = 0
    clients: set[str] = field(default_factory=set)

    def add(self, record: Record) -> None:
        """Count a decision."""
        self.count += 1
        self.example = self.example or record["id"]
        self.first = min(self.first, record["time"])
        self.last = max(self.last, record["time"])
        self.clients.add(record["client"]["ip"] or "")

    def join(self, other: Seen) -> None:
        """Count all that another has counted."""
        if not self.example or (other.example and other.first < self.first):
            self.example = other.example
        self.count += other.count
        self.first, self.last = min(self.first, other.first), max(self.last, other.last)
        self.clients |= other.clients


def joined(many: list[Seen]) -> Seen:
    """All of them together."""
    whole = Seen()
    for each in many:
        whole.join(each)
    return whole


@dataclass(frozen=True, slots=True, order=True)
class Use:
    """One way of using a place. `kind` is `http`, `tls` for a tunnel that was passed on unread, or `tcp`.

    `method` is empty for tunnels; `path` is empty where paths are not looked at.
    """

    host: str
    kind: str
    scheme: str
    port: int
    method: str = ""
    path: str = ""


@dataclass(slots=True)
class Evidence:
    """What the allowed requests of a log have in common with a policy.

    `tunnel_ports` are the ports to which tunnels went, `special` the special-purpose addresses that were reached,
    `untold` counts what could not be learnt from, by why.
    """

    mode: Mode
    uses: dict[Use, Seen] = field(default_factory=dict)
    tunnel_ports: dict[int, Seen] = field(default_factory=dict)
    special: dict[str, Seen] = field(default_factory=dict)
    untold: Counter[str] = field(default_factory=Counter)
    seen: Seen = field(default_factory=Seen)
    denied: int = 0

    def take(self, record: Record) -> None:
        """Learn from a decision; what is none, or was not allowed, teaches nothing."""
        if record["event"] != "decision" or record["decision"]["reason"] not in BY_POLICY:
            return
        if record["decision"]["reason"] not in _ALLOWED:
            self.denied += 1
            return
        use = self._use(record)
        if isinstance(use, str):
            self.untold[use] += 1
            return
        self.seen.add(record)
        self.uses.setdefault(use, Seen()).add(record)
        if self.mode is Mode.FORWARD:
            self._remember_tunnel(record)
            self._remember_destinations(record)

    def _use(self, record: Record) -> Use | str:
        request, tls = record["request"], record["tls"]
        try:
            host = Host.parse(request["host"] or "")
        except Malformed:
            return "the host is not on record"
        if request["port"] is None:
            return "the port is not on record"
        if request["protocol"] == "tcp":
            kind = "tcp" if tls is None else "tls"
            return Use(host.text, kind, "" if tls is None else "https", request["port"])
        if request["method"] in (None, MASK, "CONNECT") or request["scheme"] is None:
            return "the method is not on record"
        path = ""
        if self.mode is Mode.REVERSE:
            if "/request/path" in record["masked"]:
                path = request["path"].partition(MASK)[0].rpartition("/")[0] + "/" + MASK
            else:
                path = request["path"]
        return Use(host.text, "http", request["scheme"], request["port"], request["method"], path)

    def _remember_tunnel(self, record: Record) -> None:
        if tunnelled(record) is True:
            self.tunnel_ports.setdefault(record["request"]["port"], Seen()).add(record)

    def _remember_destinations(self, record: Record) -> None:
        destination = record["destination"]
        answers = [] if destination is None else [Address.parse(each) for each in destination["answers"]]
        literal = Host.parse(record["request"]["host"]).address
        for address in answers if literal is None else [*answers, literal]:
            if is_special(address):
                for part in special_parts(address):
                    self.special.setdefault(str(part), Seen()).add(record)
