"""The records that are not about one exchange: start and stop, policies and lists, servers, gaps, connections.

Every record begins with `time` and `event`; the other keys are the parameters of its function, always all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from gateway.audit.records.clients import hidden_in
from gateway.audit.records.redaction import mask_sentence, mask_text
from gateway.audit.records.times import timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.audit.records.clients import ClientName
    from gateway.audit.records.record import Record
    from gateway.policy.addresses import Address
    from gateway.policy.model import Reason

type Cause = Literal["start", "signal", "file", "order", "list", "age"]
"""Why something was read: the start, a SIGHUP, a changed file, an operator's order, a list that was fetched.

`age`: nothing was read, but what is in force has become too old.
"""


def start_record(  # noqa: PLR0913 - one keyword per key of the record
    *,
    version: str,
    engine: str,
    listeners: Sequence[str],
    now: float,
    configuration: str | None = None,
    settings: str | None = None,
    workers: int | None = None,
) -> Record:
    """The gateway accepts connections; `listeners` as `egress forward 127.0.0.1:8080`.

    `configuration` is the digest of the configuration file as it was read, None if there is no such file; `settings`
    that of what is in force, however it was told; `workers` how many processes share the work, if there are several.
    """
    record: Record = {
        "time": timestamp(now),
        "event": "start",
        "version": version,
        "engine": engine,
        "listeners": list(listeners),
        "configuration": configuration,
        **({} if settings is None else {"settings": settings}),
    }
    return record if workers is None else {**record, "workers": workers}


def stop_record(*, cause: str, now: float) -> Record:
    """The gateway ends; `cause` in plain words: `SIGTERM`, `a listener failed`."""
    return {"time": timestamp(now), "event": "stop", "cause": cause}


def policy_record(  # noqa: PLR0913 - one keyword per key of the record
    *,
    outcome: Literal["loaded", "refused"],
    listener: str,
    file: str,
    name: str | None,
    digest: str | None,
    problems: Sequence[str],
    now: float,
    cause: Cause = "start",
) -> Record:
    """A policy took effect, or was refused; `name` and `digest` are of the policy that is in force from now on."""
    return {
        "time": timestamp(now),
        "event": "policy",
        "outcome": outcome,
        "cause": cause,
        "listener": listener,
        "file": file,
        "policy": {"name": name, "digest": digest},
        "problems": list(problems),
    }


def list_record(  # noqa: PLR0913 - one keyword per key of the record
    *,
    outcome: Literal["loaded", "stale", "kept", "refused"],
    listener: str,
    name: str,
    entries: int | None,
    digest: str | None,
    problems: Sequence[str],
    now: float,
    cause: Cause = "start",
) -> Record:
    """A list is in force, or cannot be used.

    `stale`: it is in force, and older than it may be; `kept`: its file is refused, and the last good copy stays in
    force; `refused`: there is no such copy either, and no policy that needs the list can be used.
    """
    return {
        "time": timestamp(now),
        "event": "list",
        "outcome": outcome,
        "cause": cause,
        "listener": listener,
        "list": {"name": name, "entries": entries, "digest": digest},
        "problems": list(problems),
    }


def configuration_record(
    *,
    outcome: Literal["loaded", "refused", "kept"],
    problems: Sequence[str],
    now: float,
    cause: Cause = "start",
    settings: str | None = None,
) -> Record:
    """The configuration was read again: its routes and upstreams are in force, or were refused and the old ones stay.

    `problems` say why it was refused, or what of it waits for the next start; `settings` is the digest of what was
    read, None if that made no sense. `kept`: the gateway started with what was in force last, all of it, because the
    present files cannot be used; the problems say why.
    """
    return {
        "time": timestamp(now),
        "event": "configuration",
        "outcome": outcome,
        "cause": cause,
        "problems": list(problems),
        **({} if settings is None else {"settings": settings}),
    }


def trust_record(
    *, outcome: str, files: Sequence[str], problems: Sequence[str], now: float, cause: Cause = "start"
) -> Record:
    """Authorities for upstreams and what they revoked were `loaded`, or `refused`: then those from before stay."""
    return {
        "time": timestamp(now),
        "event": "trust",
        "outcome": outcome,
        "cause": cause,
        "files": list(files),
        "problems": list(problems),
    }


def certificates_record(  # noqa: PLR0913 - one keyword per key of the record
    *,
    outcome: Literal["loaded", "refused"],
    listener: str,
    files: Sequence[str],
    problems: Sequence[str],
    now: float,
    cause: Cause = "start",
) -> Record:
    """What a reverse listener shows was `loaded`, or `refused`: then what was shown before stays."""
    return {
        "time": timestamp(now),
        "event": "certificates",
        "outcome": outcome,
        "cause": cause,
        "listener": listener,
        "files": list(files),
        "problems": list(problems),
    }


def authority_record(  # noqa: PLR0913 - one keyword per key of the record
    *,
    outcome: Literal["loaded", "refused"],
    signing: str,
    trusted: Sequence[str],
    problems: Sequence[str],
    now: float,
    cause: Cause = "start",
) -> Record:
    """Authorities of the gateway were read again: which one signs from now on, and which ones clients should trust.

    Certificates are named by their fingerprints (SHA-256).
    """
    return {
        "time": timestamp(now),
        "event": "authority",
        "outcome": outcome,
        "cause": cause,
        "signing": signing,
        "trusted": list(trusted),
        "problems": list(problems),
    }


def server_record(*, upstream: str, server: str, standing: str, detail: str, now: float) -> Record:
    """A server of an upstream stands otherwise from now on: `up`, `down`, `ejected` or `draining`; and why."""
    return {
        "time": timestamp(now),
        "event": "server",
        "upstream": upstream,
        "server": server,
        "standing": standing,
        "detail": mask_sentence(detail),
    }


def worker_record(
    *, number: int, outcome: Literal["died", "started", "replaced"], detail: str | None, now: float
) -> Record:
    """A worker `died`, was `replaced` because it had fallen behind the others, or another one `started` in its place.

    Exchanges that a dead worker had begun have a decision and no end.
    """
    said = None if detail is None else mask_sentence(detail)
    return {"time": timestamp(now), "event": "worker", "worker": number, "outcome": outcome, "detail": said}


def admin_record(  # noqa: PLR0913 - one keyword per key of the record
    *, user: int, process: int, order: str, what: Mapping[str, str], count: int, now: float, by: str | None = None
) -> Record:
    """An operator had the running gateway do something: who by the number of the user, what, and how much it was.

    `by` says on whose behalf that process did so, where it is the admin side; None if it speaks for itself.
    """
    return {
        "time": timestamp(now),
        "event": "admin",
        "user": user,
        "process": process,
        "by": by,
        "order": order,
        "what": {name: mask_text(value.partition("?")[0]) for name, value in what.items()},
        "count": count,
    }


def store_record(
    *, store: str, standing: Literal["away", "back"], instead: Literal["closed", "local"], detail: str, now: float
) -> Record:
    """The store in which gateways count limits together is `away`, and why, or `back`.

    While it is away nothing that it counts is let through (`closed`), or this machine counts alone (`local`).
    """
    return {
        "time": timestamp(now),
        "event": "store",
        "store": store,
        "standing": standing,
        "instead": instead,
        "detail": mask_sentence(detail),
    }


def gap_record(  # noqa: PLR0913 - one keyword per key of the record
    *,
    reason: Literal["write-failed", "queue-full", "torn-line", "not-exported", "segment-damaged", "not-worded"],
    detail: str,
    now: float,
    since: float | None = None,
    rewritten: int = 0,
    refused: int = 0,
    unrecorded: int = 0,
    cut: int = 0,
    left_out: Mapping[str, int] | None = None,
) -> Record:
    """The log could not be written for a while, its tail was torn, a segment damaged, or exporters found records gone.

    Or there were no words for a record that was accepted: then this one has its number.

    `since` is when it began; `rewritten` records were written a second time into a new segment; `refused` records
    were not accepted, and what they were about was refused; `unrecorded` ones are not in the log although what they
    were about took place (`on_failure`), `left_out` counts both by their kinds; `cut` bytes of a torn last line were
    removed.
    """
    kinds = {"left_out": dict(sorted(left_out.items()))} if left_out else {}
    return {
        "time": timestamp(now),
        "event": "gap",
        "reason": reason,
        "detail": detail,
        "since": None if since is None else timestamp(since),
        "rewritten": rewritten,
        "refused": refused,
        "unrecorded": unrecorded,
        "cut": cut,
        **kinds,
    }


def retention_record(  # noqa: PLR0913 - one keyword per key of the record
    *,
    segment: str,
    removed: Mapping[str, int],
    first: int | None,
    last: int | None,
    whole: bool,
    now: float,
) -> Record:
    """Records were kept long enough: so many of each kind are removed from a segment, the numbers `first` to `last`.

    Each leaves a line with its number and its hash; if the segment goes as a `whole`, those go too.
    """
    return {
        "time": timestamp(now),
        "event": "retention",
        "segment": segment,
        "removed": dict(removed),
        "first": first,
        "last": last,
        "whole": whole,
    }


def connection_record(  # noqa: PLR0913 - one keyword per key of the record
    *,
    decision_id: str,
    listener: str,
    client: tuple[Address, int],
    outcome: Literal["closed", "refused", "spliced"],
    reason: Reason | None,
    detail: str | None,
    up: int,
    down: int,
    seconds: float,
    now: float,
    balancer: Address | None = None,
    named: ClientName | None = None,
) -> Record:
    """A connection ended on which nothing was asked for, or that was refused, or passed on unread, as a whole.

    `decision_id` is that of the decision about it, if there was one. `named` says what its client is called, if not by
    its address. What `detail` quotes in backticks is masked.
    """
    who: Record = {"ip": str(client[0]), "port": client[1]}
    said = None if detail is None else mask_sentence(detail)
    if balancer is not None:
        who["balancer"] = str(balancer)
    if named is not None:
        who = {"ip": named(client[0], now), "port": None}
        who |= {} if balancer is None else {"balancer": named(balancer, now)}
        said = None if said is None else str(hidden_in(said, client[0], str(who["ip"])))
    return {
        "time": timestamp(now),
        "event": "connection",
        "id": decision_id,
        "listener": listener,
        "client": who,
        "outcome": outcome,
        "reason": None if reason is None else reason.value,
        "detail": said,
        "bytes": {"up": up, "down": down},
        "seconds": round(seconds, 6),
    }
