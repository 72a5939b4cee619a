"""Who may call itself an origin: certificate by certificate, over real sockets, each with the reason it gets."""

from __future__ import annotations

import signal
import ssl
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest

from tests.e2e.certificate_rows import GOOD, HANDSHAKES, PLACE, REFUSED, TRUSTED, House
from tests.e2e.certificates import Certified, Wish
from tests.e2e.commands import COMMAND, PATIENCE, free_port, until
from tests.e2e.gateway import Gateway, gateway
from tests.e2e.origins import BODY, RecordingOrigin
from tests.e2e.wire import Answer, Wire, get

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

POLICY: Final = """
version: 1
name: egress
default: {{action: allow}}
unsafe_destinations: [127.0.0.2/32]
connect_ports: [443, {ports}]
tls:
  inspect: all
  splice: [{{id: privacy, reason: Agreed, when: {{host: {{under: [bank.example]}}}}}}]
"""


@dataclass
class Stage:
    """A gateway in front of an origin for every row of the tables."""

    gateway: Gateway
    origins: dict[str, RecordingOrigin]
    house: House

    def ask(self, host: str, row: str) -> Answer:
        """Ask for a page, through a tunnel that is inspected."""
        port = self.origins[row].port
        name = f"{host}:{port}".encode("idna").decode() if not host[0].isdigit() else f"{host}:{port}"
        trusting = ssl.create_default_context(cafile=self.gateway.state / "ca" / "ca.pem")
        with self.gateway.through() as wire:
            wire.send(get(name, name, method="CONNECT"))
            assert wire.interim() == 200
            with trusting.wrap_socket(wire.socket, server_hostname=name.rpartition(":")[0]) as inside:
                return Wire(inside).ask(get("/page", name))

    def refused(self, host: str, row: str, status: int = 502) -> str:
        """The reason of a refusal, the same for the client and in the log; the origin saw nothing of the request."""
        answer = self.ask(host, row)
        assert answer.status == status
        end = self.gateway.record(answer.decision, "end")
        assert (end["status"], end["reason"]) == (status, answer.problem["reason"])
        assert b"/page" not in self.origins[row].received
        reason: str = answer.problem["reason"]
        return reason


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder, house = tmp_path_factory.mktemp("certificates"), House()
    shown = {row: made(house) for row, (_, made) in TRUSTED.items()}
    shown |= {row: made(house) for row, (_, _, made) in REFUSED.items()}
    contexts = {row: certified.served(folder) for row, certified in shown.items()}
    for row, change in HANDSHAKES.items():
        change(contexts.setdefault(row, house.root.signs(Wish()).served(folder)))
    with ExitStack() as serving:
        origins = {
            row: serving.enter_context(RecordingOrigin(host=PLACE, tls=context)) for row, context in contexts.items()
        }
        origins["answers in plain text"] = serving.enter_context(RecordingOrigin(host=PLACE, eager=True))
        origins["says nothing"] = serving.enter_context(RecordingOrigin(host=PLACE))
        stalling = RecordingOrigin(host=PLACE, eager=True, answer=b"\x16\x03\x03\x40\x00")
        origins["stops in the middle"] = serving.enter_context(stalling)
        ports = ", ".join(str(origin.port) for origin in origins.values())
        started = serving.enter_context(
            gateway(
                folder,
                forward=POLICY.format(ports=ports),
                names={".example": [PLACE]},
                settings={"upstream_tls": _believed(folder, house)},
            )
        )
        yield Stage(started, origins, house)


def _believed(folder: Path, house: House) -> dict[str, object]:
    (folder / "roots.pem").write_bytes(house.root.pem + house.bare.pem + house.stale.pem)
    (folder / "root.crl").write_bytes(house.root.takes_back(house.fired))
    (folder / "stale.crl").write_bytes(house.stale.takes_back(days=(-9, -2)))
    (folder / "revoked.txt").write_text(f"# by hand\nsha256:{house.between.fingerprint}  # gone\n", encoding="utf-8")
    return {
        "trust": ["roots.pem"],
        "system_roots": False,
        "revoked": ["root.crl", "stale.crl", "revoked.txt"],
        "handshake_timeout": "2s",
    }


@pytest.mark.parametrize("row", TRUSTED)
def test_an_origin_that_proves_who_it_is_is_spoken_to(row: str, stage: Stage) -> None:
    answer = stage.ask(TRUSTED[row][0], row)

    assert (answer.status, answer.body) == (200, BODY)
    assert [request.split(b" ")[1] for request in stage.origins[row].requests] == [b"/page"]


@pytest.mark.parametrize("row", REFUSED)
def test_an_origin_that_cannot_prove_it_is_refused_with_the_reason(row: str, stage: Stage) -> None:
    reason, host, _ = REFUSED[row]

    assert stage.refused(host, row) == reason
    assert stage.origins[row].received == b""


@pytest.mark.parametrize("row", HANDSHAKES)
def test_an_origin_that_speaks_no_safe_tls_is_told_apart(row: str, stage: Stage) -> None:
    assert stage.refused(GOOD, row) == "upstream-tls-not-agreed"


@pytest.mark.parametrize("row", ["answers in plain text", "says nothing"])
def test_an_origin_that_speaks_no_tls_gets_a_hello_and_no_request(row: str, stage: Stage) -> None:
    assert stage.refused(GOOD, row) == "upstream-no-tls"
    assert stage.origins[row].received.startswith(b"\x16\x03\x01")


def test_an_origin_that_stops_in_the_middle_of_the_handshake_is_given_up(stage: Stage) -> None:
    assert stage.refused(GOOD, "stops in the middle", status=504) == "upstream-timeout"


def test_a_spliced_tunnel_is_between_the_two_of_them(stage: Stage) -> None:
    origin = stage.origins["self-signed"]
    name = f"www.bank.example:{origin.port}"
    anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    with stage.gateway.through() as wire:
        wire.send(get(name, name, method="CONNECT"))
        assert wire.interim() == 200
        with anybody.wrap_socket(wire.socket, server_hostname="www.bank.example") as inside:
            assert Wire(inside).ask(get("/spliced", name)).status == 200
    origin.forget()


def test_what_was_revoked_since_is_refused_after_a_reload_and_a_broken_list_changes_nothing(stage: Stage) -> None:
    host, row = TRUSTED["an authority without a CRL"][0], "an authority without a CRL"
    listed = stage.gateway.folder / "revoked.txt"
    before = listed.read_text("utf-8")

    listed.write_text("the one of yesterday\n", encoding="utf-8")
    stage.gateway.process.tell(signal.SIGHUP)
    stage.gateway.process.wait_for("`the one of yesterday` names no certificate", stage.gateway.process.err)
    assert stage.ask(host, row).status == 200

    serial = stage.house.bare.certificate.serial_number
    listed.write_text(f"{before}serial:{serial:x}\n", encoding="utf-8")
    stage.gateway.process.tell(signal.SIGHUP)
    loaded = [{"event": "trust", "outcome": outcome} for outcome in ("loaded", "refused", "loaded")]
    until(lambda: _trusted(stage.gateway) == loaded, "the list was not read again")
    stage.origins[row].forget()
    assert stage.refused(host, row) == "upstream-revoked"


def _trusted(gateway: Gateway) -> list[dict[str, object]]:
    return [{key: each[key] for key in ("event", "outcome")} for each in gateway.records() if each["event"] == "trust"]


def test_a_stale_crl_is_told_at_the_start(stage: Stage) -> None:
    assert [line for line in stage.gateway.process.err if "stale.crl: a CRL has expired" in line] != []


def test_files_that_cannot_be_used_end_the_start_with_all_their_problems(tmp_path: Path) -> None:
    (tmp_path / "roots.pem").write_text("nothing of the kind\n", encoding="utf-8")
    (tmp_path / "broken.crl").write_text("-----BEGIN X509 CRL-----\n", encoding="utf-8")
    (tmp_path / "forward.yaml").write_text("version: 1\nname: a\ndefault: {action: deny}\n", encoding="utf-8")
    (tmp_path / "wicketgate.yaml").write_text(
        "version: 1\nlisteners: [{name: a, mode: forward, bind: '127.0.0.1:0', policy: forward.yaml}]\n"
        "upstream_tls: {trust: [roots.pem, missing.pem], revoked: [broken.crl]}\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [COMMAND, "run", "--config", "wicketgate.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    assert done.returncode != 0
    for wanted in ("no certificate can be read here", "missing.pem:1:1  the file cannot be read", "no CRL can be read"):
        assert wanted in done.stderr


def test_a_listener_that_verifies_nobody_says_so_in_every_record(tmp_path: Path) -> None:
    with RecordingOrigin(host=PLACE, tls=Certified.by_itself(Wish()).served(tmp_path)) as origin:
        (tmp_path / "forward.yaml").write_text(POLICY.format(ports=origin.port), encoding="utf-8")
        listener = {"name": "egress", "mode": "forward", "policy": "forward.yaml", "unsafe_skip_verify": True}
        port = free_port()
        settings = {"listeners": [listener | {"bind": f"127.0.0.1:{port}"}]}
        with gateway(tmp_path, names={".example": [PLACE]}, settings=settings) as running:
            running.forward = port
            careless = Stage(running, {"self-signed": origin}, House())
            answer = careless.ask(GOOD, "self-signed")
            assert answer.status == 200
            end = running.wait_for(lambda each: each["event"] == "end")

    assert (end["status"], end["unverified"]) == (200, True)
