from __future__ import annotations

from gateway.policy.model import ABSENT, UNKNOWN
from gateway.policy.tunnels import unread
from tests.gates import facts


def test_a_tunnel_is_raw_unless_somebody_saw_tls_in_it() -> None:
    spliced, raw = unread(facts(tls_inspected=False, scheme=UNKNOWN))
    assert (spliced.protocol, spliced.scheme, raw) == ("tcp", "https", False)

    plain, raw = unread(facts(tls_inspected=ABSENT, scheme=UNKNOWN))
    assert (plain.protocol, plain.scheme, raw) == ("tcp", UNKNOWN, True)
