"""The authority of the forward proxy as people meet it: made, bounded, rotated under way, brought from elsewhere."""

from __future__ import annotations

import signal
import ssl
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.authorities import DAY, NOW, issue
from tests.e2e.commands import COMMAND, PATIENCE, until
from tests.e2e.gateway import Gateway, gateway
from tests.e2e.origins import BODY, Authority, RecordingOrigin, make_authority
from tests.e2e.wire import Wire, get

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

pytestmark = pytest.mark.e2e

OPEN: Final = "127.0.0.2"
NAMES: Final = {".example": [OPEN]}
HOSTS: Final = ("www.corp.example", "other.example", "xn--bcher-kva.example")
POLICY: Final = """
version: 1
name: egress
default: {{action: allow}}
unsafe_destinations: [127.0.0.2/32]
connect_ports: [443, {port}]
tls: {{inspect: all}}
"""


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("roots") / "roots.pem")


@pytest.fixture(scope="module")
def origin(roots: Authority) -> Iterator[RecordingOrigin]:
    with RecordingOrigin(host=OPEN, tls=roots.context(*HOSTS)) as server:
        yield server


@contextmanager
def proxied(
    folder: Path, origin: RecordingOrigin, roots: Authority, ca: Mapping[str, object] | None = None
) -> Iterator[Gateway]:
    with gateway(
        folder,
        forward=POLICY.format(port=origin.port),
        names=NAMES,
        environment={"SSL_CERT_FILE": str(roots.file)},
        settings={"reload": {"watch": False}, **({} if ca is None else {"ca": ca})},
    ) as running:
        yield running


@pytest.fixture
def proxy(tmp_path: Path, origin: RecordingOrigin, roots: Authority) -> Iterator[Gateway]:
    with proxied(tmp_path, origin, roots) as running:
        yield running


def strict(file: Path | str, *, text: str | None = None) -> ssl.SSLContext:
    """A client that trusts these certificates alone and forgives nothing."""
    context = ssl.create_default_context(cafile=None if text else file, cadata=text)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


@contextmanager
def inside(proxy: Gateway, context: ssl.SSLContext, host: str, port: int) -> Iterator[Wire]:
    authority = f"{host}:{port}"
    with proxy.through() as wire:
        wire.send(get(authority, authority, method="CONNECT"))
        assert wire.interim() == 200
        with context.wrap_socket(wire.socket, server_hostname=host) as tls:
            yield Wire(tls)


def ask(proxy: Gateway, context: ssl.SSLContext, host: str, port: int) -> bytes:
    with inside(proxy, context, host, port) as wire:
        return wire.ask(get("/", f"{host}:{port}")).body


def command(proxy: Gateway, *arguments: str) -> str:
    """What `wicketgate ca` answers about this gateway's state."""
    run = subprocess.run(
        [COMMAND, "ca", *arguments, "--state", str(proxy.state)], check=True, capture_output=True, text=True
    )
    return run.stdout


def reload(proxy: Gateway, said: str) -> None:
    told = len(proxy.process.err)
    proxy.process.tell(signal.SIGHUP)
    until(lambda: any(said in line for line in proxy.process.err[told:]), f"`{said}` was never said")


@pytest.mark.parametrize("host", [HOSTS[0], HOSTS[2]])
def test_a_strict_client_accepts_what_it_is_shown(host: str, proxy: Gateway, origin: RecordingOrigin) -> None:
    assert ask(proxy, strict("", text=command(proxy, "export")), host, origin.port) == BODY


def test_curl_accepts_it_with_what_was_exported(proxy: Gateway, origin: RecordingOrigin) -> None:
    file = proxy.folder / "gateway-ca.pem"
    command(proxy, "export", "--output", str(file))

    options = ["-qsS", "-x", f"http://127.0.0.1:{proxy.forward}", "--cacert", str(file)]
    answer = subprocess.run(
        ["curl", *options, f"https://{HOSTS[0]}:{origin.port}/"], check=True, capture_output=True, timeout=PATIENCE
    )

    assert answer.stdout == BODY


def test_outside_its_constraints_nothing_is_signed_and_the_record_says_why(
    tmp_path: Path, origin: RecordingOrigin, roots: Authority
) -> None:
    with proxied(tmp_path, origin, roots, {"permitted": ["corp.example"], "lifetime": "90d"}) as proxy:
        context = strict(proxy.state / "ca" / "ca.pem")
        assert ask(proxy, context, HOSTS[0], origin.port) == BODY
        origin.forget()

        with pytest.raises((ssl.SSLError, OSError)):
            ask(proxy, context, "other.example", origin.port)

        record = proxy.wait_for(lambda each: each["event"] == "decision" and each["decision"]["verdict"] == "deny")
        assert record["decision"]["reason"] == "no-certificate"
        assert "its name constraints permit corp.example alone" in str(record)
        assert origin.requests == []
        assert "  permitted   corp.example\n" in command(proxy, "show")


def test_a_rotation_is_taken_up_without_dropping_anybody(proxy: Gateway, origin: RecordingOrigin) -> None:
    before = strict("", text=command(proxy, "export"))
    command(proxy, "rotate")
    both = strict("", text=command(proxy, "export"))
    after = strict("", text=command(proxy, "export", "--role", "next"))
    host, port = HOSTS[0], origin.port

    reload(proxy, "ca: what clients should trust has changed: 2 in all")
    with proxy.through() as wire:
        page = wire.ask(get("http://wicketgate.internal/ca.pem", "wicketgate.internal"))
    assert page.body.decode() == command(proxy, "export")

    with inside(proxy, before, host, port) as standing:
        assert standing.ask(get("/", f"{host}:{port}")).body == BODY
        command(proxy, "rotate", "--activate")
        reload(proxy, "ca: another authority signs from now on (")
        assert standing.ask(get("/", f"{host}:{port}")).body == BODY

    assert ask(proxy, both, host, port) == BODY
    assert ask(proxy, after, host, port) == BODY
    with pytest.raises(ssl.SSLCertVerificationError):
        ask(proxy, before, host, port)


def test_a_reload_that_finds_no_authority_keeps_the_one_that_signs(proxy: Gateway, origin: RecordingOrigin) -> None:
    trusting = strict("", text=command(proxy, "export"))
    (proxy.state / "ca" / "signing.key").unlink()

    reload(proxy, "ca: the authority cannot be read again, the old one goes on signing")

    assert ask(proxy, trusting, HOSTS[0], origin.port) == BODY


@pytest.mark.parametrize("kind", ["EC", "RSA"])
def test_a_companys_own_intermediate_is_shown_with_its_chain(
    kind: str, proxy: Gateway, origin: RecordingOrigin, tmp_path: Path
) -> None:
    root = issue("A company's root")
    key = rsa.generate_private_key(65537, 2048) if kind == "RSA" else None
    certificate, secret = issue("Its proxies", root, path_length=0, key=key).save(tmp_path, "intermediate")
    chain, _ = root.save(tmp_path, "root")

    command(proxy, "import", "--certificate", str(certificate), "--key", str(secret), "--chain", str(chain))
    reload(proxy, "ca: another authority signs from now on (")

    assert ask(proxy, strict(chain), HOSTS[0], origin.port) == BODY
    assert command(proxy, "export", "--role", "signing") == root.pem.decode()


@pytest.mark.parametrize(
    ("said", "name", "text"),
    [
        ("is missing and", "next.key", issue().secret() + issue().pem),
        ("holds a key without its certificate", "signing.key", issue().secret()),
        ("the key does not belong to the certificate", "signing.key", issue().secret() + issue().pem),
    ],
)
def test_a_start_that_cannot_succeed_says_why_and_ends(said: str, name: str, text: bytes, tmp_path: Path) -> None:
    _cannot_start(tmp_path, name, text, said)


def test_a_start_with_an_expired_authority_says_how_to_get_another(tmp_path: Path) -> None:
    old = issue("old", since=NOW - 9 * DAY, until=NOW - DAY)

    _cannot_start(tmp_path, "signing.key", old.secret() + old.pem, "`wicketgate ca rotate` makes the next one")


def _cannot_start(folder: Path, name: str, text: bytes, said: str) -> None:
    (folder / "ca").mkdir(mode=0o700)
    (folder / "ca" / name).touch(mode=0o600)
    (folder / "ca" / name).write_bytes(text)
    arguments = ["forward", "--listen", "127.0.0.1:0", "--state", str(folder)]

    run = subprocess.run([COMMAND, *arguments], check=False, capture_output=True, text=True, timeout=PATIENCE)

    assert run.returncode == 2
    assert said in run.stderr
    assert "Traceback" not in run.stderr
