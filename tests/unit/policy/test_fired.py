from __future__ import annotations

from gateway.policy.fired import MOST, Fired, Uses
from gateway.policy.model import Decision, Reason, Shadow, Verdict, Waived


def decided(rule: str | None, *matched: str, shadow: str = "", waived: tuple[str, str] | None = None) -> Decision:
    return Decision(
        verdict=Verdict.DENY,
        reason=Reason.RULE_DENY,
        rule=rule,
        matched=matched,
        shadow=(Shadow(shadow, "deny"),) if shadow else (),
        waived=() if waived is None else (Waived(*waived),),
    )


def test_every_clause_knows_how_often_it_had_which_say() -> None:
    fired = Fired()
    for _ in range(3):
        fired.note(decided("a", "a", "b", shadow="trial"))
    fired.note(decided(None, "lifted", waived=("lifted", "exception")))

    assert fired.uses() == {
        "a": Uses(decided=3, matched=3),
        "b": Uses(matched=3),
        "trial": Uses(shadow=3),
        "lifted": Uses(matched=1, waived=1),
        "exception": Uses(waived=1),
    }
    fired.note(decided("a", "a"))
    assert fired.uses()["a"] == Uses(decided=4, matched=4)


def test_what_ends_an_exchange_later_counts_for_who_ended_it_alone() -> None:
    fired = Fired()
    fired.note(decided("allow", "allow"))
    fired.note_end(decided("too-large", "allow", "too-large"))
    fired.note_end(decided(None))

    assert fired.uses() == {"allow": Uses(decided=1, matched=1), "too-large": Uses(decided=1)}


def test_memory_is_bounded_however_many_kinds_of_decisions_there_are() -> None:
    fired = Fired()
    for number in range(MOST + 10):
        fired.note(decided("a", "a", *(each for each in "bcdefghijklmn" if number >> (ord(each) - 98) & 1)))

    assert len(fired._alike) <= MOST  # noqa: SLF001 - what is bounded shows nowhere else
    assert fired.uses()["a"].decided == MOST + 10
