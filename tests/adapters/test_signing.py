from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from addons.client_tls import ClientTls
from addons.signing import Signing, open_authority
from addons.tunnels import Opening
from gateway.authority import rotating
from gateway.authority.keeping import load
from gateway.config.settings import AuthoritySettings
from tests.adapters.hellos import hello_of
from tests.authorities import DAY, NOW

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from addons.exchange import Treatment
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
        client_tls = ClientTls(self.stage.connections, open_authority(self.folder, self.settings))
        self.signing = Signing(
            self.stage.connections, self.stage.admission, client_tls, self.folder, self.settings, lambda: self.now
        )

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
    assert asyncio.run(signer.signing.reread()) == []

    rotating.rotate(tmp_path / "ca", NOW)
    rotating.activate(tmp_path / "ca", NOW)

    print_of_next = load(tmp_path / "ca").fingerprint
    assert asyncio.run(signer.signing.reread()) == [
        f"ca: another authority signs from now on ({print_of_next} SHA-256)"
    ]
    assert signer.signing.client_tls.authority.fingerprint == print_of_next


def test_one_that_cannot_be_used_changes_nothing_and_none_is_made_anew(
    tmp_path: Path, scene: Callable[..., Scene]
) -> None:
    signer = Signer(scene(), tmp_path / "ca")
    before = signer.signing.client_tls.authority
    (tmp_path / "ca" / "signing.key").unlink()

    first, second = asyncio.run(signer.signing.reread())

    assert first == "ca: the authority cannot be read again, the old one goes on signing"
    assert "signing.key` is missing" in second
    assert signer.signing.client_tls.authority is before
    assert not (tmp_path / "ca" / "signing.key").exists()


def test_the_operator_is_told_in_time_that_it_expires(tmp_path: Path, scene: Callable[..., Scene]) -> None:
    signer = Signer(scene(), tmp_path / "ca")
    assert list(signer.signing.notices()) == []

    signer.now += 3600 * DAY.total_seconds()

    (notice,) = signer.signing.notices()
    assert notice.startswith("ca: the authority expires on")
    assert notice.endswith("make the next one in time: `wicketgate ca rotate`")


def test_the_operator_is_told_that_a_certificate_lacks_the_constraints_that_are_kept(
    tmp_path: Path, scene: Callable[..., Scene]
) -> None:
    open_authority(tmp_path / "ca", AuthoritySettings())
    signer = Signer(scene(), tmp_path / "ca", CORP)

    (notice,) = signer.signing.notices()

    assert "does not carry the constraints of the configuration" in notice
    assert signer.opened("site.example") == "refuse"
    assert signer.opened("corp.example") == "inspect"
