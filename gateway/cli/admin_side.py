"""The admin side of a start: what is in its way, its socket, its token, and its process while the gateway runs."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from gateway.cli.outcome import Unusable
from gateway.cli.ports import endpoint, trouble_with
from gateway.policy.errors import Malformed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gateway.config.settings import Settings

NAME: Final = "admin"


def problems_of(settings: Settings) -> list[str]:
    """A sentence for everything in the way of the admin side, its port aside."""
    from gateway.admin.token import ADMIN, METRICS, read

    if settings.admin is None:
        return []
    problems = certificate_problems(settings)
    for name in (ADMIN, METRICS):
        if (settings.state / name).is_symlink() or (settings.state / name).exists():
            try:
                read(settings.state, name)
            except Malformed as problem:
                problems.append(str(problem))
    return problems


def certificate_problems(settings: Settings) -> list[str]:
    """A sentence for everything that is wrong with the certificate of the admin side."""
    if settings.admin is None or settings.admin.tls is None:
        return []
    import time

    from gateway.admin.certificate import trouble_with

    shown = settings.admin.tls
    return [f"{NAME}: {each}" for each in trouble_with(shown.certificate, shown.key, time.time())]


@contextmanager
def side(
    settings: Settings, version: str, said: Callable[[str], None], way_out: str, *, invites: bool = False
) -> Iterator[Callable[[], None]]:
    """The admin side, if there is to be one; what is given starts it. Raises Unusable.

    With `invites` a link that signs in once is said when it starts: for who sits at this terminal.
    """
    if settings.admin is None:
        yield lambda: None
        return
    import socket

    from gateway.admin.brief import Brief
    from gateway.admin.process import Keeper
    from gateway.admin.token import ADMIN, METRICS, ensure
    from gateway.config.sections.admin import is_loopback

    try:
        made = [name for name in (ADMIN, METRICS) if ensure(settings.state, name)]
    except Malformed as problem:
        raise Unusable(str(problem)) from None
    address, port = settings.admin.bind
    family = socket.AF_INET6 if ":" in str(address) else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((str(address), port))
            listening.listen(128)
        except OSError as error:
            trouble = trouble_with(settings.admin.bind, way_out) or f"{endpoint(settings.admin.bind)}: {error}"
            raise Unusable(f"{NAME}: {trouble}") from None
        if ADMIN in made:
            said(f"the token of the admin side is in `{settings.state / ADMIN}`")
        if not is_loopback(address) and settings.admin.tls is None:
            said(f"the admin side on {settings.admin.endpoint} speaks no TLS: who listens on the way learns its token")
        brief = Brief.of(settings.admin, settings.state, version, listening.fileno(), settings.log)
        keeper = Keeper(brief, listening, said)

        def start() -> None:
            keeper.start()
            if invites:
                _invite(settings, said)

        try:
            yield start
        finally:
            keeper.stop()


def _invite(settings: Settings, said: Callable[[str], None]) -> None:
    from gateway.admin.invitation import invite, link

    if settings.admin is None:
        return
    scheme = "http" if settings.admin.tls is None else "https"
    try:
        address = link(f"{scheme}://{settings.admin.endpoint}", invite(settings.state))
    except OSError:
        return  # it is a courtesy: the token opens the page as well
    said(f"the dashboard, signed in once within ten minutes (`wicketgate admin link` makes another link): {address}")
