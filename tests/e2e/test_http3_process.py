"""HTTP/3 as an operator runs it: the installed command, a port that is taken, a drain; and a browser."""

from __future__ import annotations

import base64
import hashlib
import shutil
import signal
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.e2e.commands import COMMAND, free_port, running, until
from tests.e2e.h3wire import asking, talking
from tests.e2e.origins import RecordingOrigin
from tests.e2e.trail import read_log
from tests.keyrings import Keyring

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

HOST = "shop.example"
CONFIGURATION = """
version: 1
state: state
listeners:
  - name: shop
    mode: reverse
    bind: 127.0.0.1:{port}
    policy: open.yaml
    http3: true
    tls: {{certificates: [{{certificate: shop.pem, key: shop.key}}]}}
    routes: [{{upstream: app}}]
upstreams: {{app: {{servers: [{{url: "http://127.0.0.1:{origin}"}}]}}}}
"""
POLICY = "version: 1\nname: open\ndefault: {action: allow}\nunsafe_destinations: [127.0.0.0/8]\n"


@pytest.fixture
def origin() -> Iterator[RecordingOrigin]:
    with RecordingOrigin() as served:
        yield served


def written(folder: Path, origin: RecordingOrigin, more: str = "") -> int:
    """A configuration that speaks HTTP/3, with these keys beside; its port."""
    port = free_port()
    Keyring.in_folder(folder).issue("shop", HOST)
    (folder / "open.yaml").write_text(POLICY, encoding="utf-8")
    text = CONFIGURATION.format(port=port, origin=origin.port)
    (folder / "wicketgate.yaml").write_text(text + more, encoding="utf-8")
    return port


def test_the_installed_command_speaks_http3_and_leaves_in_peace(tmp_path: Path, origin: RecordingOrigin) -> None:
    port = written(tmp_path, origin)
    with running("run", "--config", "wicketgate.yaml", cwd=tmp_path) as gateway:
        with talking(port, HOST, tmp_path / "root.pem") as client:
            assert client.ask(asking(HOST, "/a")).status == 200
            gateway.process.send_signal(signal.SIGTERM)
            assert client.ended() == 0x100
        assert gateway.process.wait(15) == 0

    records = read_log(tmp_path / "state" / "audit")
    [decided] = [each for each in records if each["event"] == "decision"]
    assert (decided["request"]["protocol"], decided["decision"]["verdict"]) == ("h3", "allow")
    assert records[-1]["event"] == "stop"


def test_a_port_of_udp_that_is_taken_ends_the_start(tmp_path: Path, origin: RecordingOrigin) -> None:
    port = written(tmp_path, origin)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", port))
        arguments = [COMMAND, "run", "--config", "wicketgate.yaml"]
        ended = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False)

    assert ended.returncode != 0
    assert f"listener `shop`: 127.0.0.1:{port} is taken by another process" in ended.stderr


def _fingerprint(folder: Path) -> str:
    certificate = x509.load_pem_x509_certificate((folder / "shop.pem").read_bytes())
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(key).digest()).decode()


@pytest.mark.skipif(shutil.which("chromium") is None, reason="there is no chromium on this machine")
def test_a_browser_comes_by_http3(tmp_path: Path, origin: RecordingOrigin) -> None:
    port = written(tmp_path, origin)
    browser = [
        *("chromium", "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'browser'}"),
        *(
            f"--origin-to-force-quic-on={HOST}:{port}",
            f"--ignore-certificate-errors-spki-list={_fingerprint(tmp_path)}",
        ),
        *(f"--host-resolver-rules=MAP {HOST} 127.0.0.1, EXCLUDE 127.0.0.1", "--no-first-run", "--disable-sync"),
        *("--disable-background-networking", "--disable-component-update", "--dump-dom", f"https://{HOST}:{port}/page"),
    ]
    with running("run", "--config", "wicketgate.yaml", cwd=tmp_path):
        shown = subprocess.run(browser, capture_output=True, text=True, timeout=60, check=False)

        assert "the origin was here" in shown.stdout, shown.stderr[-2000:]
        until(lambda: bool(origin.requests), "the origin was never asked")
    decided = [each["request"] for each in read_log(tmp_path / "state" / "audit") if each["event"] == "decision"]
    assert ("/page", "h3") in [(each["path"], each["protocol"]) for each in decided]
