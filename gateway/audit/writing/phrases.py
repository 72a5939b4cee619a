"""What the records of one connection say again and again, encoded once: who asks, over which TLS, where it goes.

Each phrase is kept with the values that it was made of, and made anew when one of them is another one, so it can be
asked for with any facts. All of them are made of the objects that a record is made of, by the encoder of records.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gateway.audit.records.limits import limits_object
from gateway.audit.records.record import Circumstances, client_object, destination_object, tls_object
from gateway.audit.writing.encoding import part

if TYPE_CHECKING:
    from gateway.policy.addresses import Address
    from gateway.policy.limits import LimitState
    from gateway.policy.model import Facts


@dataclass(slots=True)
class _Phrase:
    text: str = ""
    made_of: object = None


@dataclass(slots=True)
class Phrases:
    """The phrases of one connection; of `about` only what holds for all of it is looked at."""

    about: Circumstances
    _client: _Phrase = field(default_factory=_Phrase)
    _destination: _Phrase = field(default_factory=_Phrase)
    _limits: list[_Phrase] = field(default_factory=list)

    def around(self, facts: Facts, dialled: Address | None, parent: str | None) -> tuple[str, str]:
        """What stands around the request: the listener and who asks there; the TLS that it came in and where it goes.

        `dialled` is the address that is tried first, or belongs to the proxy `parent`. Both are looked up in one go:
        a call takes longer than to compare what they were made of.
        """
        client, destination = self._client, self._destination
        who = (facts.client_ip, facts.user, facts.groups)
        if client.made_of != who:
            client.text, client.made_of = self._who(facts), who
        where = (
            *(facts.tls_inspected, facts.tls_sni, facts.tls_version),
            *(facts.destination_ips, dialled, parent),
        )
        if destination.made_of != where:
            destination.text, destination.made_of = self._where(facts, dialled, parent), where
        return client.text, destination.text

    def limits(self, states: tuple[LimitState, ...], masked: list[str]) -> str:
        """The limits that counted, of which mostly only what remains is another one than before."""
        said = self._limits
        if len(said) != len(states):
            said = self._limits = [_Phrase() for _ in states]
        texts = []
        for state, phrase in zip(states, said, strict=True):
            key = (state.id, state.quota, state.window, state.names, state.key)
            if phrase.made_of != key and not self._limit(phrase, state, key):
                return part(limits_object(states, self.about.disclosure, masked))
            reset = part(round(state.reset, 3)) if state.window > 0 else "null"
            counted = "" if state.store is None else f',"store":{part(state.store)}'
            texts.append(f'{phrase.text}{state.remaining},"reset":{reset}{counted}}}')
        return f"[{','.join(texts)}]"

    def _who(self, facts: Facts) -> str:
        about = self.about
        here = {"listener": about.listener, "mode": about.mode.value, "engine": about.engine}
        return f",{part({**here, 'client': client_object(facts, about)})[1:-1]}"

    def _where(self, facts: Facts, dialled: Address | None, parent: str | None) -> str:
        about = replace(self.about, dialled=dialled, parent=parent)
        where = {"tls": tls_object(facts, about.mode), "destination": destination_object(facts, about)}
        return f",{part(where)[1:-1]}"

    def _limit(self, phrase: _Phrase, state: LimitState, key: object) -> bool:
        """Say anew what is steady of a limit; not if part of its key is masked, which has to be told every time."""
        masked: list[str] = []
        (limit,) = limits_object((state,), self.about.disclosure, masked)
        if masked:
            return False
        steady = {name: limit[name] for name in ("id", "key", "quota", "window")}
        phrase.text, phrase.made_of = f'{part(steady)[:-1]},"remaining":', key
        return True
