"""Heads that come again: on a connection that is kept the same head is often sent many times, and is read once.

What is remembered is what follows from the bytes of a head, from the connection that it came on and from the
configuration of its listener: the message, its facts but for the time, its route, and what the gate said of it if no
clock has a say in that. Limits are charged, addresses judged and records made for each request as ever. Whoever
changed a message meanwhile, and whoever configures the listener otherwise, makes all of it void.

A head is remembered when it comes for the second time, by its connection alone, and forgotten with it. Measured: an
exchange whose heads came before costs a quarter less processor time (`tests/bench/bench_reverse.py`).
"""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING, Final

from mitmproxy.http import Headers, Request, RequestData, Response, ResponseData

from addons.judging.heads import remember_line

if TYPE_CHECKING:
    from addons.judging.destinations import Destination
    from addons.judging.refusals import Refusal
    from addons.judging.translate import Head
    from gateway.policy.gate import Gate
    from gateway.policy.model import Decision, Mode, Pending
    from gateway.upstreams.routes import OwnRoute, Route

_KEY: Final = "wicketgate_known"
_MOST: Final = 2
"""Heads of one kind that are remembered of a connection: each weighs some 5 kB."""
_LONGEST: Final = 2048
"""Bytes of a head that is remembered."""


class Recall[K: (KnownRequest, KnownAnswer)]:
    """The last few heads that came on one connection: those that came once by their hashes, others with all of them."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: Final[dict[int, K | None]] = {}

    def find(self, head: bytes) -> K | None:
        """What is remembered of a head."""
        known = self._known.get(hash(head))
        return known if known is not None and known.raw == head else None

    def came_before(self, head: bytes) -> bool:
        """Whether a head is worth remembering, because it came before. It did so from now on."""
        mark = hash(head)
        if mark in self._known:
            return True
        if len(head) <= _LONGEST:
            if len(self._known) >= _MOST:
                del self._known[next(iter(self._known))]
            self._known[mark] = None
        return False

    def keep(self, known: K) -> None:
        """Remember a head."""
        self._known[hash(known.raw)] = known


class KnownRequest:
    """A request that came before. `head`, `early` and `goes` are what was found out about it, `under` which conditions.

    `early` is what `gate` said of it.
    """

    __slots__ = ("_data", "_extra", "early", "fields", "gate", "goes", "head", "length", "raw", "under")

    def __init__(self, raw: bytes, request: Request, length: int = 0) -> None:
        """Remember a request as it was read from `raw`, before anybody changes it; its body has `length` bytes."""
        remember_line(request)
        vars(request)[_KEY] = self
        self.raw: Final = raw
        self.length: Final = length
        self.fields: Final = request.headers.fields
        self._data: Final = vars(request.data).copy()
        self._extra: Final = {name: value for name, value in vars(request).items() if name != "data"}
        self.under: tuple[object, ...] = ()
        self.head: Head | None = None
        self.gate: Gate | None = None
        self.early: Decision | Pending | None = None
        self.goes: Destination | Route | OwnRoute | Refusal | None = None

    def again(self) -> Request:
        """The request, which has come again just now."""
        request, data = Request.__new__(Request), RequestData.__new__(RequestData)
        vars(data).update(self._data)
        data.headers = _fields(self.fields)
        data.timestamp_start = time()
        request.data = data
        vars(request).update(self._extra)
        return request

    def is_still(self, request: Request) -> bool:
        """Whether nobody has changed the request since it was read, in what it is judged by."""
        data, before = request.data, self._data
        return (
            data.headers.fields is self.fields
            and data.path is before["path"]
            and data.method is before["method"]
            and data.http_version is before["http_version"]
        )

    def head_under(self, conditions: tuple[object, ...]) -> Head | None:
        """What was read in the head under the same conditions."""
        return self.head if self.under == conditions else None

    def learn(self, head: Head, conditions: tuple[object, ...]) -> None:
        """This was read in the head, and nothing else is known of it yet."""
        self.head, self.under = head, conditions
        self.gate = self.early = self.goes = None


class KnownAnswer:
    """An answer that came before. `cleaned` are the fields of it that go on, `kind` is its media type.

    `is_clean` says that nothing in its fields could end them early.
    """

    __slots__ = ("_data", "_extra", "cleaned", "fields", "is_clean", "kind", "length", "raw")

    def __init__(self, raw: bytes, response: Response, length: int | None) -> None:
        """Remember an answer as it was read from `raw`, with a body of `length` bytes to it; None: in chunks."""
        vars(response)[_KEY] = self
        self.raw: Final = raw
        self.length: Final = length
        self.fields: Final = response.headers.fields
        self._data: Final = vars(response.data).copy()
        self._extra: Final = {name: value for name, value in vars(response).items() if name != "data"}
        self.kind: str | None = None
        """None until it was found out."""
        self.is_clean = False
        self.cleaned: Final[dict[Mode, tuple[tuple[bytes, bytes], ...]]] = {}

    def again(self) -> Response:
        """The answer, which has come again just now."""
        response, data = Response.__new__(Response), ResponseData.__new__(ResponseData)
        vars(data).update(self._data)
        data.headers = _fields(self.fields)
        data.timestamp_start = time()
        response.data = data
        vars(response).update(self._extra)
        return response

    def is_still(self, response: Response) -> bool:
        """Whether nobody has changed the answer since it was read, in what it is judged by."""
        data = response.data
        return data.headers.fields is self.fields and data.status_code == self._data["status_code"]


def known_request(request: Request) -> KnownRequest | None:
    """What is remembered of a request, if nobody has changed it since it was read."""
    known = vars(request).get(_KEY)
    return known if isinstance(known, KnownRequest) and known.is_still(request) else None


def known_answer(response: Response) -> KnownAnswer | None:
    """What is remembered of an answer, if nobody has changed it since it was read."""
    known = vars(response).get(_KEY)
    return known if isinstance(known, KnownAnswer) and known.is_still(response) else None


def _fields(fields: tuple[tuple[bytes, bytes], ...]) -> Headers:
    """Fields that were checked when they were read."""
    headers = Headers.__new__(Headers)
    headers.fields = fields
    return headers
