"""Whatever fails in a hook of the front door's handshake lets nothing through, and others are served on."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.e2e.certificates import Wish
from tests.e2e.front_doors import Door, door
from tests.e2e.sabotage import SABOTAGE, Saboteur
from tests.e2e.wire import Closed, get
from tests.keyrings import Keyring

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.e2e

HANDSHAKE = ("tunnel_hello", "tls_clienthello", "tls_start_client", "tls_established_client")
BROKEN = ("tunnel_broken", "unreadable_head", "tls_failed_client")
CLIENT = Wish(names=(), common_name="anna", usage=ExtendedKeyUsageOID.CLIENT_AUTH)


class Stage:
    """A front door that wants client certificates, between two saboteurs."""

    def __init__(self, front: Door, ring: Keyring, saboteurs: tuple[Saboteur, Saboteur]) -> None:
        self.front, self.ring, self.saboteurs = front, ring, saboteurs
        self.known = ring.client(ring.root.signs(CLIENT))

    def asked(self, context: ssl.SSLContext) -> int | None:
        """The status of an answer, if there is one."""
        with suppress(OSError, Closed), self.front.encrypted("shop.example", context) as client:
            return client.ask(get("/", "shop.example")).status
        return None


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    ring = Keyring.in_folder(tmp_path_factory.mktemp("keys"))
    shown = ring.shows(ring.issue("shop", "shop.example"), client_auth="required")
    first, last = Saboteur(), Saboteur()
    with door(tmp_path_factory.mktemp("front"), tls=shown, first=(first,), last=(last,)) as front:
        yield Stage(front, ring, (first, last))


@pytest.mark.parametrize("before", [True, False], ids=["before", "behind"])
@pytest.mark.parametrize("how", SABOTAGE, ids=lambda how: how.__name__)
@pytest.mark.parametrize("hook", HANDSHAKE)
def test_a_handshake_whose_hook_fails_is_none(
    hook: str,
    how: Callable[[Any], Any],
    before: bool,  # noqa: FBT001 - a parameter of the test
    stage: Stage,
) -> None:
    saboteur = stage.saboteurs[0 if before else 1]
    stage.front.origin.forget()
    saboteur.target, saboteur.how = hook, how

    answered = stage.asked(stage.known)
    saboteur.target = None

    assert (answered, stage.front.origin.requests) == (None, [])
    assert stage.front.refusals[-1][0] == "internal-error"
    assert stage.asked(stage.known) == 200


@pytest.mark.parametrize("how", SABOTAGE, ids=lambda how: how.__name__)
@pytest.mark.parametrize("hook", BROKEN)
def test_what_is_refused_stays_refused_if_its_hook_fails(hook: str, how: Callable[[Any], Any], stage: Stage) -> None:
    said = {"tunnel_broken": b"\x00\x00\x00", "unreadable_head": b"GET / HTTP/1.1\r\n\r\n"}
    stage.front.origin.forget()
    stage.saboteurs[0].target, stage.saboteurs[0].how = hook, how

    if hook in said:
        with stage.front.plain(introduction=said[hook]) as client:
            assert b"200" not in client.rest()[:20]
    else:
        assert stage.asked(stage.ring.client()) is None
    stage.saboteurs[0].target = None

    assert stage.front.origin.requests == []
    assert stage.asked(stage.known) == 200
