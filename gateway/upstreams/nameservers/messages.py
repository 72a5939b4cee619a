"""Questions to name servers and what their answers say: pure, from bytes to addresses.

Only addresses are asked for and believed (A and AAAA): records that tell a client to go elsewhere or to hide its name
(HTTPS, SVCB) are never asked. Aliases (CNAME) are followed inside the answer, within a bound that ends every circle;
where an answer stops at an alias, `Reply.alias` is what to ask next. DNSSEC signatures are not checked.

Sources: RFC 1035, RFC 2308 (negative answers), RFC 6891 (EDNS), RFC 8467 (padding).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

from gateway.policy.addresses import Address
from gateway.upstreams.lookup import NO_SUCH_NAME, LookupFailed

LARGEST: Final = 16 * 1024
"""Bytes of an answer that are read; addresses of one name need far fewer."""
MOST_ADDRESSES: Final = 256
"""Addresses of one name that are judged."""
PAYLOAD: Final = 1232
"""Bytes of an answer over UDP, which pass every network in one piece (DNS flag day 2020)."""
PADDED: Final = 128
REFUSED: Final = "the name servers refuse to answer"
FAILED: Final = "temporary failure of the name servers"
_ASKED: Final = frozenset({dns.rcode.NOERROR, dns.rcode.NXDOMAIN})


class Kind(StrEnum):
    """What is asked for."""

    A = "A"
    AAAA = "AAAA"


class NoAnswer(Exception):  # noqa: N818 - it says what came instead
    """What came is no answer to the question; the text says why, in a few words.

    `final` tells that it is the word of the server on this very question, and that no better one is to be waited for.
    """

    def __init__(self, why: str, *, final: bool = False) -> None:
        super().__init__(why)
        self.final = final


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What one name server says of one name. `keep` is how long that holds, in seconds; None where it does not say.

    `alias` is the name that the asked one stands for, if the answer ends there. `exists` is False for no such name.
    """

    addresses: tuple[Address, ...] = ()
    keep: float | None = None
    alias: dns.name.Name | None = None
    exists: bool = True


def absolute(name: str) -> dns.name.Name:
    """A canonical host name as name servers know it, without any search list. Raises LookupFailed for an odd one."""
    try:
        return dns.name.from_text(f"{name}.")
    except dns.exception.DNSException:
        raise LookupFailed(NO_SUCH_NAME) from None


def question(name: dns.name.Name, kind: Kind, *, padded: bool = False) -> dns.message.QueryMessage:
    """The question for one kind of address of a name, with an id that nobody can guess."""
    padding = PADDED if padded else 0
    return dns.message.make_query(name, dns.rdatatype.from_text(kind), use_edns=0, payload=PAYLOAD, pad=padding)


def is_cut(asked: dns.message.QueryMessage, wire: bytes) -> bool:
    """Whether this is the beginning of an answer that is too large for UDP."""
    is_answer = len(wire) > 3 and wire[:2] == asked.id.to_bytes(2) and bool(wire[2] & 0x80)  # noqa: PLR2004 - id, flags
    return is_answer and bool(wire[2] & 0x02)


def read(asked: dns.message.QueryMessage, wire: bytes) -> Reply:
    """What an answer says. Raises NoAnswer for what is none to the question, LookupFailed for what nobody can use."""
    if len(wire) > LARGEST:
        raise NoAnswer("the name server's answer is too large")
    try:
        answer = dns.message.from_wire(wire)
    except (dns.exception.DNSException, ValueError):
        raise NoAnswer("the name server's answer cannot be read") from None
    if not asked.is_response(answer) or not isinstance(answer, dns.message.QueryMessage):
        raise NoAnswer("the name server answered another question")
    if answer.flags & dns.flags.TC:
        raise NoAnswer("the name server's answer is cut")
    if answer.rcode() not in _ASKED:
        refused = answer.rcode() in {dns.rcode.REFUSED, dns.rcode.NOTAUTH}
        raise NoAnswer(REFUSED if refused else FAILED, final=True)
    return _said(asked, answer)


def _said(asked: dns.message.QueryMessage, answer: dns.message.QueryMessage) -> Reply:
    try:
        chain = answer.resolve_chaining()
    except dns.message.ChainTooLong:
        raise LookupFailed("its aliases do not end") from None
    except dns.exception.DNSException:
        raise NoAnswer("the name server's answer contradicts itself", final=True) from None
    if chain.answer is not None:
        if len(chain.answer) > MOST_ADDRESSES:
            raise LookupFailed("it has too many addresses")
        found = dict.fromkeys(Address.parse(record.address) for record in chain.answer)
        return Reply(addresses=tuple(found), keep=float(chain.minimum_ttl))
    has_end = any(each.rdtype == dns.rdatatype.SOA for each in answer.authority)
    keep = float(chain.minimum_ttl) if has_end else None
    if answer.rcode() == dns.rcode.NXDOMAIN:
        return Reply(keep=keep, exists=False)
    is_open = bool(chain.cnames) and not has_end and chain.canonical_name != asked.question[0].name
    if is_open:
        keep = float(min(each.ttl for each in chain.cnames))
        return Reply(alias=chain.canonical_name, keep=keep)
    return Reply(keep=keep)
