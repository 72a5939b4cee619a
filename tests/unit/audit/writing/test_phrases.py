from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.audit.records.record import Circumstances
from gateway.audit.writing.phrases import Phrases
from gateway.policy.addresses import Address
from gateway.policy.limits import LimitState
from gateway.policy.model import ABSENT, Facts, Mode
from gateway.policy.names import Host

HERE, THERE = Address.parse("10.1.2.3"), Address.parse("93.184.216.34")
FACTS = Facts(now=0.0, client_ip=HERE, user=ABSENT, groups=ABSENT, tls_inspected=ABSENT, destination_ips=(THERE,))
STATE = LimitState("per-client", 600, 60.0, 599, 0.1, ("client.ip",), (HERE,))


def phrases() -> Phrases:
    return Phrases(Circumstances(id="", listener="web", mode=Mode.REVERSE, client_port=51000))


def test_what_stands_around_a_request_is_who_asks_and_where_it_goes() -> None:
    who, where = phrases().around(FACTS, THERE, None)

    assert who == (
        ',"listener":"web","mode":"reverse","engine":"mitmproxy",'
        '"client":{"ip":"10.1.2.3","port":51000,"user":null,"groups":[]}'
    )
    assert where == (
        ',"tls":null,"destination":{"ip":"93.184.216.34","answers":["93.184.216.34"],"parent":null,"original":null}'
    )


@pytest.mark.parametrize(
    ("other", "wanted"),
    [
        (replace(FACTS, user="alice"), '"user":"alice"'),
        (replace(FACTS, groups=frozenset({"staff"})), '"groups":["staff"]'),
        (replace(FACTS, client_ip=THERE), '"client":{"ip":"93.184.216.34"'),
        (replace(FACTS, tls_inspected=True, tls_sni=Host.parse("a.test")), '"tls":{"sni":"a.test","mode":"terminated"'),
        (replace(FACTS, destination_ips=(THERE, HERE)), '"answers":["93.184.216.34","10.1.2.3"]'),
    ],
)
def test_what_has_changed_is_said_anew_and_back_again(other: Facts, wanted: str) -> None:
    said = phrases()
    before = said.around(FACTS, THERE, None)

    assert wanted in "".join(said.around(other, THERE, None))
    assert said.around(FACTS, THERE, None) == before


def test_of_a_limit_only_what_remains_is_another_one() -> None:
    said, masked = phrases(), list[str]()
    steady = '{"id":"per-client","key":{"client.ip":"10.1.2.3"},"quota":600,"window":60.0,'

    assert said.limits((STATE,), masked) == f'[{steady}"remaining":599,"reset":0.1}}]'
    assert (
        said.limits((replace(STATE, remaining=7, reset=2.00049),), masked) == f'[{steady}"remaining":7,"reset":2.0}}]'
    )
    assert masked == []


def test_a_masked_key_is_told_of_every_time() -> None:
    said = phrases()
    secret = replace(STATE, names=("header.x-api-key",), key=(("s3cret",),))

    for _ in range(2):
        masked: list[str] = []

        assert "s3cret" not in said.limits((STATE, secret), masked)
        assert masked == ["/limits/1/key/header.x-api-key"]
