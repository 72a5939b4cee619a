from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from mitmproxy.proxy.context import Context
from mitmproxy.tls import TlsData

from addons.serving.options import LayerOptions, for_layers
from addons.tls.client_tls import ClientTls
from addons.tls.signing import Signing
from addons.tunnels.opening import Opening
from gateway.authority import rotating
from gateway.authority.keeping import load, load_or_make
from gateway.config.settings import AuthoritySettings
from gateway.control.authorities import AuthorityStore
from gateway.policy.model import Mode
from tests.adapters.hellos import hello_of
from tests.authorities import DAY, NOW

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from addons.judging.exchange import Treatment
    from tests.adapters.scene import Scene

CORP = AuthoritySettings(permitted=("corp.example",))


@dataclass
class Signer:
    """A scene with its authority at work. `now` is what its clock says."""

    stage: Scene
    folder: Path
    settings: AuthoritySettings = field(default_factory=AuthoritySettings)
    now: float = field(default_factory=NOW.timestamp)
    signing: Signing = field(init=False)

    def __post_init__(self) -> None:
        store = AuthorityStore(self.folder, self.settings, lambda: self.now, self.stage.writer.append)
        client_tls = ClientTls(self.stage.connections, store.current)
        self.signing = Signing(self.stage.connections, self.stage.admission, client_tls, store)

    def opened(self, host: str, treatment: Treatment = "inspect") -> Treatment:
        """What becomes of a tunnel to this host that admission would treat so."""
        client = self.stage.client()
        self.stage.connect(client, f"{host}:443")
        opening = Opening(client, hello_of(host), treatment=self.stage.hear(client, hello_of(host)))
        assert opening.treatment == "inspect"
        opening.treatment = treatment
        self.signing.tunnel_hello(opening)
        return opening.treatment


def test_what_the_authority_may_not_sign_for_is_refused_and_the_record_says_why(
    tmp_path: Path, scene: Callable[..., Scene]
) -> None:
    signer = Signer(scene(), tmp_path / "ca", CORP)

    assert signer.opened("site.example") == "refuse"

    record, end = signer.stage.records()
    decision = record["decision"]
    assert (end["event"], end["id"]) == ("end", record["id"])
    assert (decision["verdict"], decision["reason"]) == ("deny", "no-certificate")
    assert "its name constraints permit corp.example alone" in str(record)
    assert record["request"]["host"] == "site.example"


@pytest.mark.parametrize(
    ("host", "treatment"), [("www.corp.example", "inspect"), ("site.example", "splice"), ("site.example", "refuse")]
)
def test_what_is_permitted_or_not_to_be_signed_is_left_as_it_is(
    host: str, treatment: Treatment, tmp_path: Path, scene: Callable[..., Scene]
) -> None:
    assert Signer(scene(), tmp_path / "ca", CORP).opened(host, treatment) == treatment


def test_an_authority_that_expired_while_the_gateway_ran_signs_nothing(
    tmp_path: Path, scene: Callable[..., Scene]
) -> None:
    signer = Signer(scene(), tmp_path / "ca")
    signer.now += 4000 * DAY.total_seconds()

    assert signer.opened("site.example") == "refuse"
    assert "authority expired on" in str(signer.stage.records())


def test_a_tunnel_without_a_host_fails_closed(tmp_path: Path, scene: Callable[..., Scene]) -> None:
    signer = Signer(scene(), tmp_path / "ca")
    opening = Opening(signer.stage.client(), hello_of("site.example"), treatment="inspect")

    with pytest.raises(LookupError, match="a tunnel without its host"):
        signer.signing.tunnel_hello(opening)


def test_another_authority_is_taken_up_and_the_same_one_is_no_news(tmp_path: Path, scene: Callable[..., Scene]) -> None:
    signer = Signer(scene(), tmp_path / "ca")
    assert asyncio.run(signer.signing.reload_aside("signal")) == []

    rotating.rotate(tmp_path / "ca", NOW)
    rotating.activate(tmp_path / "ca", NOW)

    following = load(tmp_path / "ca").certificate
    assert len(asyncio.run(signer.signing.reload_aside("signal"))) == 2
    assert signer.signing.client_tls.authority.certificate == following


def test_constraints_of_the_configuration_hold_for_an_authority_of_before(
    tmp_path: Path, scene: Callable[..., Scene]
) -> None:
    load_or_make(tmp_path / "ca")
    signer = Signer(scene(), tmp_path / "ca", CORP)

    assert signer.opened("site.example") == "refuse"
    assert signer.opened("corp.example") == "inspect"


def test_the_front_door_has_certificates_of_its_own(tmp_path: Path, scene: Callable[..., Scene]) -> None:
    stage = scene(mode=Mode.REVERSE)
    signer = Signer(stage, tmp_path / "ca")
    client = stage.client()
    opening = Opening(client, hello_of("site.example"), treatment="inspect")

    signer.signing.tunnel_hello(opening)
    data = TlsData(client, Context(client, for_layers(LayerOptions())))
    signer.signing.client_tls.tls_start_client(data)

    assert (opening.treatment, data.ssl_conn) == ("inspect", None)
