"""What was in force last, to start with it: the settings of a set that was kept, and where its files lie.

All is read from the set, and nothing beside it. Settings name files where their operator has put them, as ever; whoever
reads them at the start is pointed at the copies for that moment, and at the files themselves from then on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.config.load import parse_settings
from gateway.config.settings import Written
from gateway.control.inforce import below, read_set, whole
from gateway.policy.errors import Malformed
from gateway.policy.problems import Invalid

if TYPE_CHECKING:
    from gateway.config.settings import ListenerSettings, ServerTlsSettings, Settings
    from gateway.control.inforce import KeptSet

CONFIGURATION = "configuration"
TRUST = "trust"


@dataclass(frozen=True, slots=True)
class Returned:
    """A start with what was in force last: its `settings`, the `kept` set, and why the present files were not used."""

    settings: Settings
    kept: KeptSet
    because: tuple[str, ...]


def part_name(what: str, listener: str | None) -> str:
    """How a part is called in a set."""
    return what if listener is None else f"{what}:{listener}"


def settings_of(kept: KeptSet, file: Path) -> Settings:
    """The settings of a set, as they were read from `file`. Raises Malformed if they cannot be used."""
    copy = kept.find(CONFIGURATION, file)
    root = kept.root(CONFIGURATION)
    try:
        settings = parse_settings(copy.read_bytes(), str(file), file.parent, lambda path: below(root, path))
    except OSError as error:
        raise Malformed(f"its configuration cannot be read: {error}") from None
    except Invalid as error:
        raise Malformed(f"its configuration cannot be used: {error.problems[0]}") from None
    settings = replace(settings, written=Written(file=file, digest=kept.parts[CONFIGURATION][whole(file)]))
    located(settings, kept)
    return settings


def located(settings: Settings, kept: KeptSet) -> Settings:
    """The same settings with the paths of the copies where files are read again. Raises Malformed for one without."""
    trust = settings.upstream_tls
    return replace(
        settings,
        listeners=tuple(_located(each, kept) for each in settings.listeners),
        upstream_tls=replace(
            trust,
            trust=tuple(kept.find(TRUST, each) for each in trust.trust),
            revoked=tuple(kept.find(TRUST, each) for each in trust.revoked),
        ),
    )


def _located(listener: ListenerSettings, kept: KeptSet) -> ListenerSettings:
    """The first file of a policy is the policy itself, wherever it lay when it was taken up."""
    part = part_name("policy", listener.name)
    files = [Path(each) for each in kept.parts.get(part, ())]
    if not files:
        raise Malformed(f"it has no policy of `{listener.name}`")
    tls = None if listener.tls is None else _shown(listener.tls, kept, part_name("certificates", listener.name))
    return replace(listener, policy=kept.find(part, files[0]), tls=tls)


def _shown(settings: ServerTlsSettings, kept: KeptSet, part: str) -> ServerTlsSettings:
    def found(file: Path | None) -> Path | None:
        return None if file is None else kept.find(part, file)

    return replace(
        settings,
        certificates=tuple(
            replace(each, certificate=kept.find(part, each.certificate), key=kept.find(part, each.key))
            for each in settings.certificates
        ),
        client_ca=found(settings.client_ca),
        client_crl=found(settings.client_crl),
    )


def returned(state: Path, file: Path, because: tuple[str, ...]) -> Returned:
    """What was in force last under the configuration `file`. Raises Malformed if there is nothing, or it is unfit."""
    kept = read_set(state)
    if kept is None:
        raise Malformed(f"nothing was ever kept in `{state}`")
    return Returned(settings_of(kept, file), kept, because)
