"""The words in which a decision is asked for and given: facts, phases, verdicts, reasons, obligations.

A fact is known, known to be absent, or unknown. Unknown is a value of its own, so that nobody can mistake
"not learnt yet" for "not there": a deny counts an unknown fact as matching, an allow counts it as not matching.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import Enum, StrEnum
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.policy.addresses import Address
    from gateway.policy.dues import Due
    from gateway.policy.headers import Fields, HeaderEdit
    from gateway.policy.limits import Lease, LimitState
    from gateway.policy.names import Host
    from gateway.policy.paths import Target


class Missing(Enum):
    """Why a fact has no value."""

    UNKNOWN = "unknown"
    """It may exist; nobody has learnt it (yet)."""
    ABSENT = "absent"
    """It is known not to exist: no user on a listener that asks for none, no SNI in the hello."""


UNKNOWN: Final = Missing.UNKNOWN
ABSENT: Final = Missing.ABSENT

type Fact[T] = T | Literal[Missing.UNKNOWN, Missing.ABSENT]


class Mode(StrEnum):
    """Which way a listener faces."""

    FORWARD = "forward"
    REVERSE = "reverse"


class FactName(StrEnum):
    """The facts by the names that policies and audit records use."""

    CLIENT_IP = "client.ip"
    DESTINATION_IP = "destination.ip"
    HOST = "host"
    PORT = "port"
    SCHEME = "scheme"
    METHOD = "method"
    PATH = "path"
    HEADER = "header"
    QUERY = "query"
    REQUEST_SIZE = "request.size"
    RESPONSE_SIZE = "response.size"
    RESPONSE_STATUS = "response.status"
    RESPONSE_TYPE = "response.type"
    USER = "user"
    GROUP = "group"
    IDENTITY_METHOD = "identity.method"
    DESTINATION_COUNTRY = "destination.country"
    DESTINATION_ASN = "destination.asn"
    TLS_SNI = "tls.sni"
    TLS_VERSION = "tls.version"
    TLS_INSPECTED = "tls.inspected"
    PROTOCOL = "protocol"
    TIME = "time"
    CONNECT = "connect"


RESPONSE_FACTS: Final = frozenset({FactName.RESPONSE_SIZE, FactName.RESPONSE_STATUS, FactName.RESPONSE_TYPE})
"""What nobody can know before the request was sent."""

SIZE_FACTS: Final = frozenset({FactName.REQUEST_SIZE, FactName.RESPONSE_SIZE})
"""What nobody can know of a body that states no length, before it has passed."""

OPEN_FACTS: Final = RESPONSE_FACTS | SIZE_FACTS
"""What may still be unknown when a request is forwarded. A rule that needs one is judged again when it is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that is known of one exchange so far. Every value is already canonical.

    `now` is in seconds since the epoch, UTC. `destination_ips` holds every address the name resolved to: a deny
    matches if any does, an allow only if all do. `request_size` and `response_size` are in bytes; a body that
    states no length is UNKNOWN, no body is 0. `connect` tells whether the exchange runs through a CONNECT tunnel.
    `protocol` is one of `http/1.1 h2 h3 websocket tcp`; `tls_version` one of `1.0 1.1 1.2 1.3`. A plain exchange has
    ABSENT for every `tls_*` fact.
    """

    now: float
    client_ip: Fact[Address] = UNKNOWN
    destination_ips: Fact[tuple[Address, ...]] = UNKNOWN
    host: Fact[Host] = UNKNOWN
    port: Fact[int] = UNKNOWN
    scheme: Fact[str] = UNKNOWN
    method: Fact[str] = UNKNOWN
    target: Fact[Target] = UNKNOWN
    headers: Fact[Fields] = UNKNOWN
    request_size: Fact[int] = UNKNOWN
    response_size: Fact[int] = UNKNOWN
    response_status: Fact[int] = UNKNOWN
    response_type: Fact[str] = UNKNOWN
    user: Fact[str] = UNKNOWN
    groups: Fact[frozenset[str]] = UNKNOWN
    identity_method: Fact[str] = UNKNOWN
    destination_country: Fact[str] = UNKNOWN
    destination_asn: Fact[int] = UNKNOWN
    tls_sni: Fact[Host] = UNKNOWN
    tls_version: Fact[str] = UNKNOWN
    tls_inspected: Fact[bool] = UNKNOWN
    protocol: Fact[str] = UNKNOWN
    connect: Fact[bool] = UNKNOWN

    def learning(self, **learnt: Any) -> Facts:
        """These facts with others that were learnt: what `dataclasses.replace` gives, at a third of its price.

        Raises KeyError for what is no fact.
        """
        more = object.__new__(Facts)
        for write, value in zip(_WRITE.values(), _read(self), strict=True):
            write(more, value)
        for name, value in learnt.items():
            _WRITE[name](more, value)
        return more


_WRITE: Final[dict[str, Callable[[Facts, Any], None]]] = {
    each.name: vars(Facts)[each.name].__set__ for each in fields(Facts)
}
_read: Final = attrgetter(*_WRITE)


class Verdict(Enum):
    """The two answers. There is no third one and no default."""

    DENY = "deny"
    ALLOW = "allow"

    def __bool__(self) -> NoReturn:
        """Refuse to be a condition: a verdict taken for a truth value is how gates are left open."""
        raise TypeError("a verdict is no truth value, compare it: `verdict is Verdict.ALLOW`")


class Reason(StrEnum):
    """Why. Stable and public: people search the audit log for these words."""

    ALLOWED_BY_RULE = "allowed-by-rule"
    ALLOWED_BY_DEFAULT = "allowed-by-default"
    OWN_PAGE = "own-page"
    GUARDRAIL = "guardrail"
    RULE_DENY = "rule-deny"
    DEFAULT = "default"
    RATE_EXCEEDED = "rate-exceeded"
    CONCURRENCY_EXCEEDED = "concurrency-exceeded"
    LIMIT_TABLE_FULL = "limit-table-full"
    LIMITS_UNAVAILABLE = "limits-unavailable"
    MALFORMED_REQUEST = "malformed-request"
    NAME_MISMATCH = "name-mismatch"
    NOT_CANONICAL = "not-canonical"
    NO_ROUTE = "no-route"
    PROTOCOL_REFUSED = "protocol-refused"
    NO_CERTIFICATE = "no-certificate"
    IDENTITY_REQUIRED = "identity-required"
    BODY_TOO_LARGE = "body-too-large"
    TARGET_TOO_LONG = "target-too-long"
    HEAD_TOO_LARGE = "head-too-large"
    HEAD_TIMEOUT = "head-timeout"
    BODY_TIMEOUT = "body-timeout"
    CLIENT_TIMEOUT = "client-timeout"
    IDLE_TIMEOUT = "idle-timeout"
    CAPACITY = "capacity"
    UPSTREAM_UNRESOLVED = "upstream-unresolved"
    UPSTREAM_REFUSED = "upstream-refused"
    UPSTREAM_UNTRUSTED = "upstream-untrusted"
    UPSTREAM_EXPIRED = "upstream-expired"
    UPSTREAM_NOT_YET_VALID = "upstream-not-yet-valid"
    UPSTREAM_SELF_SIGNED = "upstream-self-signed"
    UPSTREAM_UNKNOWN_AUTHORITY = "upstream-unknown-authority"
    UPSTREAM_WRONG_NAME = "upstream-wrong-name"
    UPSTREAM_REVOKED = "upstream-revoked"
    UPSTREAM_REVOCATION_UNKNOWN = "upstream-revocation-unknown"
    UPSTREAM_WEAK_CERTIFICATE = "upstream-weak-certificate"
    UPSTREAM_BAD_CERTIFICATE = "upstream-bad-certificate"
    UPSTREAM_TLS_NOT_AGREED = "upstream-tls-not-agreed"
    UPSTREAM_NO_TLS = "upstream-no-tls"
    UPSTREAM_BROKEN = "upstream-broken"
    UPSTREAM_TIMEOUT = "upstream-timeout"
    UPSTREAM_UNAVAILABLE = "upstream-unavailable"
    UPSTREAM_BUSY = "upstream-busy"
    POLICY_CHANGED = "policy-changed"
    GATEWAY_STOPPED = "gateway-stopped"
    PARENT_REFUSED = "parent-refused"
    PARENT_TIMEOUT = "parent-timeout"
    AUDIT_UNAVAILABLE = "audit-unavailable"
    UNKNOWN_OBLIGATION = "unknown-obligation"
    INTERNAL_ERROR = "internal-error"


ALLOWING: Final = frozenset({Reason.ALLOWED_BY_RULE, Reason.ALLOWED_BY_DEFAULT, Reason.OWN_PAGE})
"""The reasons that go with ALLOW; every other reason goes with DENY."""


@dataclass(frozen=True, slots=True)
class EditRequest:
    """Obligation: apply this edit to the fields of the outgoing request."""

    edit: HeaderEdit


@dataclass(frozen=True, slots=True)
class EditResponse:
    """Obligation: apply this edit to the fields of the answer that goes to the client."""

    edit: HeaderEdit


@dataclass(frozen=True, slots=True)
class PinAddress:
    """Obligation: dial one of these judged addresses and no other."""

    addresses: tuple[Address, ...]


type Obligation = EditRequest | EditResponse | PinAddress


@dataclass(frozen=True, slots=True)
class Waived:
    """A deny that an exception lifted."""

    rule: str
    exception: str


@dataclass(frozen=True, slots=True)
class Shadow:
    """What a rule in stage `shadow` would have done."""

    rule: str
    action: str


@dataclass(frozen=True, slots=True)
class ListHit:
    """The entry of a list that made the deciding rule match; `age` in seconds, None if the list carries no date."""

    name: str
    entry: str
    age: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A verdict and why, always together.

    `rule` is the deciding rule, guardrail or limit; `place` its file and line; `message` the sentence its author
    wrote for people. `matched` holds every rule that matched, deciding or not. `unknown` holds the unknown facts
    that were counted against the request. `retry_after` is in seconds. `lease` is held by an allowed exchange under
    a concurrency limit: whoever acts on the decision releases it once, on every path. `due` is what an allowed exchange
    has still to be charged to: until that is settled (`gateway.policy.dues`), nobody may act on the decision.
    """

    verdict: Verdict
    reason: Reason
    rule: str | None = None
    place: str | None = None
    message: str | None = None
    matched: tuple[str, ...] = ()
    waived: tuple[Waived, ...] = ()
    shadow: tuple[Shadow, ...] = ()
    unknown: tuple[FactName, ...] = ()
    obligations: tuple[Obligation, ...] = ()
    retry_after: float | None = None
    limits: tuple[LimitState, ...] = ()
    lease: Lease | None = None
    due: Due | None = None
    hit: ListHit | None = None
    policy: str | None = None
    digest: str | None = None

    def __post_init__(self) -> None:
        if (self.verdict is Verdict.ALLOW) is not (self.reason in ALLOWING):
            raise ValueError(f"`{self.reason}` is no reason to {self.verdict.value}")

    def __bool__(self) -> NoReturn:
        """Refuse to be a condition: ask for `.verdict`, `.allowed` or `.denied`."""
        raise TypeError("a decision is no truth value, ask for `.verdict`")

    @property
    def allowed(self) -> bool:
        """Whether the verdict is ALLOW."""
        return self.verdict is Verdict.ALLOW

    @property
    def denied(self) -> bool:
        """Whether the verdict is DENY."""
        return self.verdict is Verdict.DENY


@dataclass(frozen=True, slots=True)
class Pending:
    """No decision yet: `open` are the rules that may still decide once more facts are known. Nothing is allowed.

    `is_clear` says more: whatever is learnt beyond these facts, no rule will match.
    """

    open: tuple[str, ...] = ()
    is_clear: bool = field(default=False, compare=False)

    def __bool__(self) -> NoReturn:
        """Refuse to be a condition, as a decision does."""
        raise TypeError("a pending answer is no truth value, ask whether it is a Decision")


@dataclass(frozen=True, slots=True)
class Treatment:
    """What becomes of a TLS connection: `inspect` it, or splice it unread under the splice rule `rule`.

    `rule` is None where the policy splices because it inspects nothing (or not this).
    """

    inspect: bool
    rule: str | None = None

    def __bool__(self) -> NoReturn:
        """Refuse to be a condition: ask for `.inspect`."""
        raise TypeError("a treatment is no truth value, ask for `.inspect`")


def refuse(reason: Reason, message: str | None = None) -> Decision:
    """A denial that no rule made: malformed requests, names that disagree, failures of the gateway itself."""
    return Decision(verdict=Verdict.DENY, reason=reason, message=message)
