"""What the policy would say today to a request that is on record: its facts, as far as the log has them.

Values that were masked and fields are not in the log: the question is asked without them, and the answer says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from gateway.audit.reading.filters import Filter
from gateway.audit.reading.finding import newest
from gateway.audit.reading.telling import part
from gateway.cli.policy_files import open_policy
from gateway.cli.shipped import shipped_policy
from gateway.policy.addresses import Address
from gateway.policy.analysis.requests import Question, facts_of, judge
from gateway.policy.errors import Malformed
from gateway.policy.explain import as_json, explain
from gateway.policy.gate import Gate
from gateway.policy.limits import LimitTable
from gateway.policy.model import Mode
from gateway.policy.problems import Invalid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.audit.records.record import Record
    from gateway.policy.analysis.given import Texts
    from gateway.policy.compiled import CompiledPolicy

_SHIPPED = {Mode.FORWARD: "corporate", Mode.REVERSE: "api"}


@dataclass(frozen=True, slots=True)
class Now:
    """What the policy at `file` says now, in lines and as data; or `problem`, why it cannot be asked."""

    file: str | None
    lines: tuple[str, ...] = ()
    data: dict[str, Any] | None = None
    policy: CompiledPolicy | None = None
    problem: str | None = None


def ask_again(record: Record, log: Path, given: Path | None, now: float, destinations: Sequence[str] = ()) -> Now:
    """Ask the policy in the file that is `given`, or that the log names, about the request of a record.

    `destinations` are the addresses of the host, where the log does not know them: nobody resolves names here.
    """
    mode = Mode(str(record.get("mode") or "forward"))
    path = given or _file_of(record, log, mode)
    if path is None:
        return Now(None, problem="the log does not say which file it was read from, name it with `--policy FILE`")
    try:
        policy = open_policy(path, mode, now).compiled
        facts = facts_of(_question(record, destinations), mode, now)
    except Invalid as error:
        return Now(str(path), problem="; ".join(map(str, error.problems)))
    except Malformed as error:
        return Now(str(path), problem=f"the request cannot be asked about: {error}")
    decision = judge(Gate(policy, LimitTable(policy.limit_specs)), facts)
    return Now(str(path), explain(decision, policy, facts), as_json(decision), policy)


def left_out(record: Record) -> list[str]:
    """What the question does not have, because the log does not."""
    masked = record.get("masked")
    hidden = [str(each) for each in masked if not str(each).startswith("/limits")] if isinstance(masked, list) else []
    return [*hidden, "header fields", "what limits had counted"]


def _file_of(record: Record, log: Path, mode: Mode) -> Path | None:
    """The file that the listener read its policy from last; a shipped policy may lie elsewhere by now."""
    listener = record.get("listener")
    loaded = newest(log, Filter(event="policy", listener=str(listener)), 1)
    named = Path(str(loaded[0].get("file"))) if loaded else None
    if named is not None and named.is_file():
        return named
    shipped = shipped_policy(_SHIPPED[mode])
    return shipped if named is not None and named.name == shipped.name else None


def _question(record: Record, destinations: Sequence[str]) -> Question:
    request, client, destination = part(record, "request"), part(record, "client"), part(record, "destination")
    given: dict[str, Texts] = {
        "destination.ip": tuple(map(str, destinations or destination.get("answers") or ())) or None
    }
    given["client.ip"] = _address(client.get("ip"))
    if client.get("user") is not None:
        given["user"] = (str(client["user"]),)
    if client.get("groups"):
        given["group"] = tuple(map(str, client["groups"]))
    if request.get("size") is not None:
        given["request.size"] = (str(request["size"]),)
    if (sni := part(record, "tls").get("sni")) is not None:
        given["tls.sni"] = (str(sni),)
    method = str(request.get("method") or "GET")
    return Question(url=_url(request), method="GET" if method == "CONNECT" else method, given=given)


def _url(request: Any) -> str:
    """The address with its query; of a tunnel, that of its first page."""
    host, port = str(request.get("host") or ""), request.get("port")
    scheme = request.get("scheme") or "https"
    name = f"[{host}]" if ":" in host else host
    query = request.get("query") or {}
    pairs = [
        f"{quote(key, safe='')}={quote(str(each), safe='')}"
        for key, value in query.items()
        for each in (value if isinstance(value, list) else [value])
    ]
    path = f"{request.get('path') or '/'}" + (f"?{'&'.join(pairs)}" if pairs else "")
    return f"{scheme}://{name}{'' if port is None else f':{port}'}{path}"


def _address(text: object) -> Texts:
    """A client's address, or None where the log has another name for it."""
    try:
        return (str(Address.parse(str(text))),)
    except Malformed:
        return None
