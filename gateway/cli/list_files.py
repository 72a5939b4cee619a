"""Lists as files say them, without a gateway: those of policies, or of all policies of a configuration.

Nothing is fetched and nothing is written: what was fetched is read where a gateway of the configuration keeps it.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gateway.cli.outcome import Unusable
from gateway.cli.policy_files import read_source
from gateway.control.listing import holders, list_data
from gateway.lists.load import LoadedLists, load_lists
from gateway.policy.language.document import read_policy
from gateway.policy.language.references import list_users
from gateway.policy.problems import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from gateway.control.listing import Users
    from gateway.policy.names import Host


@dataclass(frozen=True, slots=True)
class Written:
    """The lists of one policy, by the name of its listener, or of its file where no listener is known."""

    listener: str
    lists: LoadedLists
    users: Users


def of_policies(files: Sequence[Path]) -> list[Written]:
    """The lists of these policies. Raises Unusable for one that cannot be read."""
    with _readable():
        return [_written(str(file), file, None) for file in files]


def of_configuration(file: Path) -> tuple[Path, list[Written]]:
    """Its state folder, and the lists of all its policies. Raises Unusable for what cannot be read."""
    from gateway.config.load import load_settings

    with _readable():
        settings = load_settings(file)
        lists = settings.state / "lists"
        return settings.state, [_written(each.name, each.policy, lists / each.name) for each in settings.listeners]


def _written(listener: str, file: Path, kept: Path | None) -> Written:
    document = read_policy(read_source(file), str(file))
    lists = load_lists(document.lists, file.parent, kept, time.time(), only_look=True)
    return Written(listener, lists, list_users(document))


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except Invalid as error:
        raise Unusable(*map(str, error.problems)) from None


def found_in(written: Sequence[Written], subject: Host) -> dict[str, Any]:
    """Who holds the subject, as a gateway would say it. Lists that cannot be used hold nobody, and are named."""
    found = [held for each in written for held in holders(each.listener, each.lists.lists, each.users, subject)]
    problems = [str(problem) for each in written for problem in each.lists.problems]
    count = sum(len(each.lists.lists) for each in written)
    return {"subject": subject.text, "found": found, "looked_at": count, "problems": problems}


def told_of(written: Sequence[Written]) -> dict[str, Any]:
    """What the lists hold, as a gateway would say it."""
    now = time.time()
    rows = [list_data(each.listener, one, each.users, now) for each in written for one in each.lists.lists.values()]
    return {"lists": rows}
