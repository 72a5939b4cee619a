"""An upstream with TLS behind a reverse listener: over HTTP/1.1 and HTTP/2, and not at all if it proves nothing."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

import pytest

from gateway.config.settings import RouteSettings
from tests.e2e.certificates import Certified, Wish, authority
from tests.e2e.h2wire import asking
from tests.e2e.origin import Identity
from tests.e2e.protected import DIRECTIONS, HOST, Protected, Said, Version, protected
from tests.e2e.wire import get

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

NAME: Final = "origin.example"
ROOT: Final = authority("the authority of the backends")
STRANGER: Final = authority("nobody knows me")
BAD: Final[dict[str, tuple[str, Callable[[], Certified]]]] = {
    "expired": ("upstream-expired", lambda: ROOT.signs(Wish(names=(NAME,), days=(-30, -1)))),
    "not yet valid": ("upstream-not-yet-valid", lambda: ROOT.signs(Wish(names=(NAME,), days=(1, 30)))),
    "for another name": ("upstream-wrong-name", lambda: ROOT.signs(Wish(names=("other.example",)))),
    "of an unknown authority": ("upstream-unknown-authority", lambda: STRANGER.signs(Wish(names=(NAME,)))),
    "signed by itself": ("upstream-self-signed", lambda: Certified.by_itself(Wish(names=(NAME,)))),
}


def identity(folder: Path, shown: Certified, *offers: str) -> Identity:
    """What an origin shows, and an authority that the gateway believes, which need not have to do with each other."""
    folder.mkdir(exist_ok=True)
    trusted = folder / "root.pem"
    trusted.write_bytes(ROOT.pem)
    context = shown.served(folder)
    context.set_alpn_protocols(list(offers))
    return Identity(trusted, context)


@pytest.fixture(scope="module")
def doubtful(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Protected]]:
    """A gateway in front of each origin that cannot prove who it is."""
    with ExitStack() as stack:
        found = {}
        for row, (_, made) in BAD.items():
            folder = tmp_path_factory.mktemp("doubtful")
            shown = identity(folder, made(), "h2", "http/1.1")
            found[row] = stack.enter_context(protected(folder, identity=shown))
        yield found


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
@pytest.mark.parametrize("client", ["h1", "h2"])
@pytest.mark.parametrize("row", BAD)
def test_an_upstream_that_proves_nothing_gets_nothing_and_is_not_described(
    row: str, client: Version, accept: str, doubtful: dict[str, Protected]
) -> None:
    here, reason = doubtful[row], BAD[row][0]

    answer = here.ask(client, ("Accept", accept))

    assert (answer.status, reason.encode() in answer.body) == (502, True)
    assert answer.get("proxy-status") == f'wicketgate; error=tls_certificate_error; details="{reason}"'
    assert str(answer.get("content-type")).startswith(
        "text/html" if accept == "text/html" else "application/problem+json"
    )
    whole = repr(answer.fields).encode() + answer.body
    told = [NAME, "other.example", str(here.origin.port), "127.0.0.1:", "authority of the backends", "nobody knows me"]
    assert [each for each in told if each.encode() in whole] == []
    assert here.origin.received == b""


@pytest.mark.parametrize("client", ["h1", "h2"])
def test_a_body_for_an_upstream_that_proves_nothing_stays_here(client: Version, doubtful: dict[str, Protected]) -> None:
    here = doubtful["expired"]

    answer = here.ask(client, ("Expect", "100-continue"), body="a secret")

    assert ([each for each, _ in answer.interim], answer.status) == ([100], 502)
    assert here.origin.received == b""


def test_the_record_of_the_end_says_why(tmp_path: Path) -> None:
    shown = identity(tmp_path, BAD["expired"][1]())
    with protected(tmp_path, identity=shown) as here:
        assert here.ask("h1").status == 502

    [end] = [each for each in here.gateway.records() if each["event"] == "end"]
    assert (end["status"], end["reason"]) == (502, "upstream-expired")


@pytest.mark.parametrize(("client", "upstream"), DIRECTIONS)
def test_an_upstream_speaks_what_it_agreed_to(client: Version, upstream: Version, tmp_path: Path) -> None:
    with protected(tmp_path, upstream) as here:
        answer = here.ask(client, body="a body")

    assert (answer.status, answer.body) == (200, b"hello")
    [request] = here.upstream.heard
    assert request.body.endswith(b"a body" if upstream == "h2" else b"a body\r\n0\r\n\r\n")
    assert request.get(":scheme") == ("https" if upstream == "h2" else None)
    assert request.get("x-forwarded-proto") == "https"


@pytest.mark.parametrize("upstream", ["h1", "h2"])
def test_a_connection_to_an_upstream_is_used_again(upstream: Version, tmp_path: Path) -> None:
    with protected(tmp_path, upstream) as here, here.talk() as talk:
        for _ in range(5):
            assert talk.whole(talk.head(asking(HOST))).status == 200

    assert (len(here.upstream.heard), len(here.origin.visits)) == (5, 1)


TELLING: Final = [
    ("location", "https://origin.example:{port}/a?b=c", "https://shop.example/a?b=c"),
    ("location", "//origin.example:{port}/a", "//shop.example/a"),
    ("location", "https://user@ORIGIN.example:{port}/a", "https://shop.example/a"),
    ("location", "https://127.0.0.1:{port}/a", "https://shop.example/a"),
    ("content-location", "https://origin.example:{port}/a", "https://shop.example/a"),
    ("refresh", "5; url=https://origin.example:{port}/a", "5; url=https://shop.example/a"),
    (
        "link",
        "<https://origin.example:{port}/a>; rel=next, </b>; rel=prev",
        "<https://shop.example/a>; rel=next, </b>; rel=prev",
    ),
    ("set-cookie", "a=b; Domain=origin.example; Path=/a; Secure", "a=b; Path=/a; Secure"),
    ("set-cookie", "a=b; domain=.Origin.Example; HttpOnly", "a=b; HttpOnly"),
    ("set-cookie", "a=b; Path=/x; SameSite=Lax", "a=b; Path=/x; SameSite=Lax"),
    ("location", "https://elsewhere.example/a", "https://elsewhere.example/a"),
    ("location", "/relative", "/relative"),
]


@pytest.mark.parametrize(("client", "upstream"), DIRECTIONS)
@pytest.mark.parametrize("row", TELLING)
def test_what_names_the_backend_names_the_gateway(
    row: tuple[str, str, str], client: Version, upstream: Version, telling: dict[Version, Protected]
) -> None:
    here, (name, said, heard) = telling[upstream], row
    here.upstream.says = Said(fields=((name, said.format(port=here.origin.port)),))

    assert here.ask(client).get(name) == heard


@pytest.fixture(scope="module")
def telling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Version, Protected]]:
    with ExitStack() as stack:
        yield {
            version: stack.enter_context(protected(tmp_path_factory.mktemp(version), version))
            for version in ("h1", "h2")
        }


@pytest.mark.parametrize("upstream", ["h1", "h2"])
def test_several_cookies_are_all_cleaned(upstream: Version, telling: dict[Version, Protected]) -> None:
    here = telling[upstream]
    here.upstream.says = Said(fields=(("set-cookie", "a=1; Domain=origin.example"), ("set-cookie", "b=2")))

    with here.wire() as wire:
        assert wire.ask(get("/", HOST)).all("set-cookie") == ["a=1", "b=2"]


@pytest.mark.parametrize(("client", "upstream"), DIRECTIONS)
def test_paths_that_were_rewritten_are_rewritten_back(client: Version, upstream: Version, tmp_path: Path) -> None:
    route = RouteSettings(upstream="app", put_prefix="/inner")
    with protected(tmp_path, upstream, route=route) as here:
        there = f"https://origin.example:{here.origin.port}/inner/a"
        here.upstream.says = Said(
            fields=(("location", there), ("set-cookie", "a=b; Path=/inner/a; Domain=origin.example"))
        )
        answer = here.ask(client)

    assert (answer.get("location"), answer.get("set-cookie")) == (f"https://{HOST}/a", "a=b; Path=/a")
    [request] = here.upstream.heard
    assert "/inner" in str(request.get(":path") or request.get("line"))
