"""`wicketgate ca make`, `rotate` and `import`: an authority, and another one without locking anybody out."""

from __future__ import annotations

import datetime as dt
import sys
from typing import TYPE_CHECKING

from gateway.authority import rotating
from gateway.authority.importing import read_authority
from gateway.authority.keeping import load_or_make
from gateway.cli.ca_show import show_authority

if TYPE_CHECKING:
    from argparse import Namespace

    from gateway.authority.making import Plan

_RELOAD = "a running gateway takes it up by itself"


def make_authority(given: Namespace) -> None:
    """Make the authority unless there is one, and show what is there. Raises AuthorityUnusable."""
    plan = _planned(given)
    load_or_make(given.state / "ca", plan)
    _tell(given, "this is what clients have to trust")


def rotate_authority(given: Namespace) -> None:
    """Take one step of a rotation and show what is there after it. Raises AuthorityUnusable."""
    now = dt.datetime.now(dt.UTC)
    if given.activate:
        rotating.activate(given.state / "ca", now)
        said = f"the next authority signs, the old one stays trusted ({_RELOAD})"
    elif given.back:
        rotating.go_back(given.state / "ca", now)
        said = f"the authority signs that signed before ({_RELOAD})"
    elif given.retire:
        rotating.retire(given.state / "ca", now)
        said = "the old authorities are retired, remove them from clients"
    else:
        plan = _planned(given)
        rotating.rotate(given.state / "ca", now, plan)
        said = "the next authority is published, let it sign with `--activate` once clients trust it"
    _tell(given, said)


def _planned(given: Namespace) -> Plan | None:
    """What the configuration says of authorities, if there is one; it says which state folder is meant, too."""
    if given.config is None:
        return None
    from gateway.authority.making import planned
    from gateway.cli.launch import usable
    from gateway.config.load import load_settings

    with usable():
        settings = load_settings(given.config)
    given.state = settings.state
    return planned(settings.ca.name, settings.ca.permitted, settings.ca.excluded, settings.ca.lifetime)


def import_authority(given: Namespace) -> None:
    """Bring an authority and show what is there after it. Raises AuthorityUnusable and OSError."""
    now = dt.datetime.now(dt.UTC)
    authority = read_authority(given.certificate, given.key, given.chain, given.passphrase_file, now)
    rotating.install(given.state / "ca", authority, now, as_next=given.next)
    _tell(given, f"the authority is {'published' if given.next else 'the one that signs'} ({_RELOAD})")


def _tell(given: Namespace, said: str) -> None:
    if given.format == "text":
        sys.stdout.write(f"{said}\n\n")
    show_authority(given)
