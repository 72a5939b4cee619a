"""What the two ways have in common is the law of `tests/property/test_law_wording.py`; here is what is remembered."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from gateway.audit.records.disclosure import Disclosure
from gateway.audit.records.record import Circumstances
from gateway.audit.writing.errors import AuditUnavailable
from gateway.audit.writing.phrases import Phrases
from gateway.audit.writing.wording import Wording
from gateway.policy.addresses import Address
from gateway.policy.model import Decision, Facts, Mode, Reason, Verdict, refuse
from gateway.policy.paths import REVERSE_RULES, Target

ID = "01JD0000000000000000000000"
ABOUT = Circumstances(id="", listener="web", mode=Mode.REVERSE)
FACTS = Facts(now=0.0, client_ip=Address.parse("10.1.2.3"), method="GET", target=Target.parse("/a", REVERSE_RULES))
ALLOWED = Decision(verdict=Verdict.ALLOW, reason=Reason.ALLOWED_BY_DEFAULT)


def asked(wording: Wording, path: str) -> str:
    facts = replace(FACTS, target=Target.parse(path, REVERSE_RULES))
    text = wording.decision(Phrases(ABOUT), facts, ALLOWED, 0.0, id=ID)
    return str(json.loads(b"{" + text)["request"]["path"])


def test_many_paths_are_written_and_few_remembered() -> None:
    wording = Wording()

    for number in range(3000):
        assert asked(wording, f"/{number}") == f"/{number}"
    assert len(wording) < 1100


def test_what_is_long_or_masked_is_not_remembered() -> None:
    wording, long = Wording(), f"/{'long/' * 60}"
    asked(wording, "/")
    before = len(wording)

    assert asked(wording, long) == long
    assert asked(wording, "/sk-0123456789abcdef0123456789") == "/REDACTED"
    assert len(wording) == before


def test_the_words_of_a_refusal_are_not_remembered() -> None:
    wording, phrases = Wording(), Phrases(ABOUT)

    for words in ("There are too many.", "There is no room."):
        text = wording.decision(phrases, FACTS, refuse(Reason.CAPACITY, words), 0.0, id=ID)
        said = json.loads(b"{" + text)["decision"]

        assert (said["reason"], said["detail"]) == ("capacity", words)


def test_a_client_that_cannot_be_named_is_not_written_down() -> None:
    def unnamed(*_: object) -> str:
        raise AuditUnavailable("the key of the month cannot be read")

    phrases = Phrases(replace(ABOUT, disclosure=Disclosure(client=unnamed)))

    with pytest.raises(AuditUnavailable, match="the key of the month cannot be read"):
        Wording().decision(phrases, FACTS, ALLOWED, 0.0, id=ID)


def test_an_end_that_needs_another_spelling_is_left_to_the_plain_way() -> None:
    def end(server: str) -> bytes | None:
        return Wording().end(
            *(0.0,),
            id=ID,
            status=200,
            up=0,
            down=22,
            seconds=0.00138,
            reached=Address.parse("10.1.2.3"),
            unverified=False,
            cache=None,
            kind="text/html",
            server=("app", server),
        )

    assert end("http://bücher.test") is None
    assert end("http://a.test") == (
        b'"time":"1970-01-01T00:00:00.000000Z","event":"end","id":"%b","status":200,"bytes":{"up":0,"down":22},'
        b'"seconds":0.00138,"reason":null,"destination":{"ip":"10.1.2.3"},'
        b'"response":{"type":"text/html"},"upstream":{"name":"app","server":"http://a.test","attempts":[]}}'
        % ID.encode()
    )
