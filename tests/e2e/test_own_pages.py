"""The pages of the gateway itself, as programs and browsers ask for them, and the script that browsers run."""

from __future__ import annotations

import base64
import signal
import subprocess
from typing import TYPE_CHECKING, Final

import httpx
import pytest

from gateway.config.settings import PacSettings
from gateway.pages.pac import script
from tests.e2e.commands import COMMAND, PATIENCE, free_port, until
from tests.e2e.gateway import Gateway, gateway
from tests.e2e.origins import RecordingOrigin
from tests.e2e.wire import get
from tests.programs import chromium, program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

OUTSIDE: Final = "127.0.0.2"
POLICY: Final = """
version: 1
name: egress
default: {action: allow}
unsafe_destinations: [127.0.0.2/32]
guardrails:
  - {id: no-writing, reason: Read only, when: {path: {prefix: [/ca.p12]}, method: [PUT]}}
"""
NAMES: Final = {".example": [OUTSIDE], "wicketgate.internal": [OUTSIDE]}
OWN: Final = "http://wicketgate.internal"


@pytest.fixture(scope="module")
def egress(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    pac = {"direct": ["direct.example", ".corp.example"]}
    settings = {"contact": "help@company.example", "pac": pac}
    folder = tmp_path_factory.mktemp("egress")
    with gateway(folder, forward=POLICY, names=NAMES, settings=settings) as running:
        yield running


@pytest.fixture(scope="module")
def origin() -> Iterator[RecordingOrigin]:
    with RecordingOrigin(host=OUTSIDE) as server:
        yield server


@pytest.fixture
def client(egress: Gateway) -> Iterator[httpx.Client]:
    with httpx.Client(proxy=f"http://127.0.0.1:{egress.forward}", trust_env=False, timeout=PATIENCE) as client:
        yield client


def _curl(*arguments: str) -> str:
    command = [program("curl"), "-sS", "--max-time", str(PATIENCE), "--noproxy", "", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _shown(egress: Gateway, profile: Path, url: str, *options: str) -> str:
    """What a browser makes of an address; it is told of the proxy by `options`."""
    command = chromium(profile, *options, "--virtual-time-budget=10000", "--dump-dom", url)
    run = subprocess.run(command, check=False, capture_output=True, text=True, timeout=3 * PATIENCE)
    return run.stdout


def test_a_browser_shows_the_welcome_page_through_the_proxy(egress: Gateway, tmp_path: Path) -> None:
    shown = _shown(egress, tmp_path, OWN, f"--proxy-server=http://127.0.0.1:{egress.forward}")

    assert "You are connected through this proxy" in shown
    assert "help@company.example" in shown
    assert f"http://127.0.0.1:{egress.forward}/proxy.pac" in shown


def test_a_browser_without_a_proxy_is_told_so(egress: Gateway, tmp_path: Path) -> None:
    shown = _shown(egress, tmp_path, f"http://127.0.0.1:{egress.forward}/", "--no-proxy-server")

    assert "You are connected to the proxy, not through it" in shown


def test_the_fingerprint_on_the_page_is_the_one_that_the_command_shows(egress: Gateway, client: httpx.Client) -> None:
    said = subprocess.run(
        [COMMAND, "ca", "show", "--state", str(egress.state)], check=True, capture_output=True, text=True
    ).stdout
    (fingerprint,) = {word for word in said.split() if word.count(":") == 31}

    assert fingerprint in client.get(f"{OWN}/").text


def test_every_exchange_is_a_recorded_decision_with_its_end_and_nothing_is_dialled(
    egress: Gateway, client: httpx.Client, origin: RecordingOrigin
) -> None:
    origin.forget()
    for status, method, path in ((200, "GET", "/ca.der"), (200, "HEAD", "/"), (404, "GET", "/x"), (405, "POST", "/")):
        answer = client.request(method, f"{OWN}:{origin.port}{path}")
        identity = answer.headers["wicketgate-decision"]
        decided, end = egress.record(identity), egress.record(identity, "end")

        assert answer.status_code == end["status"] == status
        assert (decided["decision"]["verdict"], decided["decision"]["reason"]) == ("allow", "own-page")
        assert decided["destination"] is None
        assert end["bytes"]["down"] == len(answer.content)
    assert origin.visits == []


def test_one_connection_serves_pages_and_sites_in_turn(egress: Gateway, origin: RecordingOrigin) -> None:
    origin.forget()
    site = get(f"http://www.example:{origin.port}/", f"www.example:{origin.port}")
    head = get(f"{OWN}/ca.pem", "wicketgate.internal", method="HEAD")
    page = get(f"{OWN}/ca.pem", "wicketgate.internal")
    with egress.through() as wire:
        answers = [wire.ask(each) for each in (page, site, head, page, site)]

    assert [each.status for each in answers] == [200] * 5
    assert answers[2].get("content-length") == str(len(answers[3].body))
    assert len(origin.requests) == 2


def test_a_guardrail_of_the_policy_holds_for_its_pages(egress: Gateway) -> None:
    assert egress.refusal(get(f"{OWN}/ca.p12", "wicketgate.internal", method="PUT")) == (403, "guardrail", "no-writing")


@pytest.mark.parametrize(
    ("verdict", "request_"),
    [
        (
            (403, "protocol-refused"),
            b"CONNECT wicketgate.internal:443 HTTP/1.1\r\nHost: wicketgate.internal:443\r\n\r\n",
        ),
        (
            (403, "protocol-refused"),
            b"CONNECT WICKETGATE.Internal.:80 HTTP/1.1\r\nHost: wicketgate.internal:80\r\n\r\n",
        ),
        ((400, "malformed-request"), get("https://wicketgate.internal/", "wicketgate.internal")),
        ((400, "malformed-request"), get("/proxy.pac", "rebound.example")),
        ((400, "malformed-request"), get("/proxy.pac", "wpad.corp.example")),
        ((400, "malformed-request"), get("/secrets", "wicketgate.internal")),
        ((400, "name-mismatch"), get(f"{OWN}/", "other.example")),
        ((400, "malformed-request"), get("http://wicketgate。internal/", "wicketgate.internal")),
    ],
)
def test_what_is_not_asked_plainly_and_by_its_name_is_refused(
    egress: Gateway, verdict: tuple[int, str], request_: bytes
) -> None:
    assert (*verdict, None) == egress.refusal(request_)


def test_curl_fetches_the_configuration_from_the_listener_under_its_own_names(egress: Gateway) -> None:
    here = f"127.0.0.1:{egress.forward}"
    told = {
        host: _curl("-H", f"Host: {host}", f"http://{here}/wpad.dat")
        for host in (here, f"localhost:{egress.forward}", "wpad.corp.example", f"wicketgate.internal:{egress.forward}")
    }

    proxies = {host: text.partition('var PROXY = "PROXY ')[2].partition('"')[0] for host, text in told.items()}
    assert proxies == {
        here: here,
        f"localhost:{egress.forward}": f"localhost:{egress.forward}",
        "wpad.corp.example": "wpad.corp.example:80",
        f"wicketgate.internal:{egress.forward}": f"wicketgate.internal:{egress.forward}",
    }


def test_another_site_can_neither_read_nor_run_nor_frame_what_is_there(egress: Gateway) -> None:
    for path in ("/", "/proxy.pac", "/ca.pem"):
        fields = _curl(
            "-D-", "-o/dev/null", "-H", "Origin: http://a.example", f"http://127.0.0.1:{egress.forward}{path}"
        )
        assert "access-control-" not in fields.lower()
        assert "Cross-Origin-Resource-Policy: same-origin" in fields
        assert "X-Content-Type-Options: nosniff" in fields


def test_what_is_downloaded_is_the_certificate_that_programs_need(egress: Gateway, tmp_path: Path) -> None:
    pem = tmp_path / "ca.pem"
    pem.write_text(_curl(f"http://127.0.0.1:{egress.forward}/ca.pem"), encoding="utf-8")

    assert pem.read_bytes() == (egress.state / "ca" / "ca.pem").read_bytes()


MAPPED: Final = "--host-resolver-rules=MAP * 127.0.0.2, EXCLUDE 127.0.0.1"


@pytest.mark.parametrize(
    ("through", "name"), [(True, "www.example"), (False, "direct.example"), (False, "a.corp.example")]
)
def test_a_browser_that_fetched_its_configuration_goes_where_it_was_sent(
    egress: Gateway,
    origin: RecordingOrigin,
    tmp_path: Path,
    through: bool,  # noqa: FBT001 - a column of a table
    name: str,
) -> None:
    origin.forget()
    pac = f"--proxy-pac-url=http://127.0.0.1:{egress.forward}/proxy.pac"
    shown = _shown(egress, tmp_path, f"http://{name}:{origin.port}/", pac, MAPPED)

    assert "the origin was here" in shown
    assert {b"\r\nvia: " in each.lower() for each in origin.requests} == {through}


def test_a_browser_whose_proxy_does_not_answer_goes_nowhere(
    egress: Gateway, origin: RecordingOrigin, tmp_path: Path
) -> None:
    origin.forget()
    text = base64.b64encode(script(PacSettings(), f"127.0.0.1:{free_port()}")).decode("ascii")
    pac = f"--proxy-pac-url=data:application/x-ns-proxy-autoconfig;base64,{text}"
    shown = _shown(egress, tmp_path, f"http://www.example:{origin.port}/", pac, MAPPED)

    assert "the origin was here" not in shown
    assert origin.requests == []


def test_a_reload_shows_the_new_policy_on_the_page(tmp_path: Path) -> None:
    with gateway(tmp_path, forward=POLICY, settings={"contact": "help@company.example"}) as running:
        page = f"http://127.0.0.1:{running.forward}/"
        assert ">egress<" in _curl(page)
        renamed = POLICY.replace("name: egress", "name: stricter")
        (running.folder / "forward.yaml").write_text(renamed, encoding="utf-8")
        running.process.tell(signal.SIGHUP)
        until(lambda: ">stricter<" in _curl(page), "the page never changed")


def test_whoever_comes_by_socks_finds_the_same_pages_and_no_proxy_to_configure(tmp_path: Path) -> None:
    port = free_port()
    socks = {"name": "socks", "mode": "forward", "entry": "socks5", "bind": f"127.0.0.1:{port}"}
    policy = f"{POLICY}connect_ports: [80, 443]\n"
    settings = {"listeners": [{**socks, "policy": "forward.yaml"}]}
    with gateway(tmp_path, forward=policy, names=NAMES, settings=settings) as running:
        proxy = ("--socks5-hostname", f"127.0.0.1:{port}", "-w", "%{http_code}")
        plain, script_ = (_curl(*proxy, f"{OWN}{path}") for path in ("/", "/proxy.pac"))
        tls = _curl(*proxy, "-k", "https://wicketgate.internal/")
        assert "You are connected through this proxy" in plain
        assert "Automatic configuration" not in plain
        assert script_.endswith("404")
        assert tls.endswith("403")
        refused = running.wait_for(lambda each: each["event"] == "decision" and each["decision"]["verdict"] == "deny")
        assert refused["decision"]["reason"] == "protocol-refused"
        pages = [each["request"]["path"] for each in running.records() if each["event"] == "decision"]
        assert pages == ["/", "/proxy.pac", "/"]
