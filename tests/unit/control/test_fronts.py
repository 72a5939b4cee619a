from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from gateway.control.fronts import FrontStore, read_shopfront
from gateway.policy.names import Host
from gateway.policy.problems import Invalid
from tests.e2e.certificates import Wish
from tests.keyrings import Keyring

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.audit.records.record import Record
    from gateway.config.settings import ServerTlsSettings


@pytest.fixture
def ring(tmp_path: Path) -> Keyring:
    return Keyring.in_folder(tmp_path)


@dataclass
class Stored:
    """A store and what it recorded."""

    settings: ServerTlsSettings
    now: float = field(default_factory=time.time)
    records: list[Record] = field(default_factory=list)
    store: FrontStore = field(init=False)

    def __post_init__(self) -> None:
        self.store = FrontStore("shop", self.settings, lambda: self.now, self.records.append)

    def reload(self) -> None:
        """Read the files again, because one has changed."""
        asyncio.run(self.store.reload_aside("file"))


@pytest.mark.parametrize(
    ("shown", "asked"),
    [
        ({"shop.example"}, "shop.example"),
        ({"*.shop.example", "x.shop.example"}, "a.shop.example"),
        ({"*.shop.example", "x.shop.example"}, "x.shop.example"),
        ({"any.example"}, "a.b.shop.example"),
        ({"any.example"}, "other.example"),
        ({"any.example"}, "192.0.2.1"),
        ({"any.example"}, None),
    ],
)
def test_a_certificate_is_found_by_its_name_its_wildcard_or_as_the_default(
    shown: set[str], asked: str | None, ring: Keyring
) -> None:
    settings = ring.shows(
        ring.issue("shop", "shop.example"),
        ring.issue("wild", "*.shop.example", "x.shop.example"),
        ring.issue("any", "any.example", default=True),
    )
    host = None if asked is None else Host.parse(asked)

    found = read_shopfront(settings, time.time()).find(host)
    without_default = replace(settings, certificates=settings.certificates[:2])

    assert found is not None
    assert found.names == shown
    if shown == {"any.example"}:
        assert read_shopfront(without_default, time.time()).find(host) is None


def test_everything_that_leaves_open_what_is_shown_is_said_at_once(ring: Keyring) -> None:
    one = ring.issue("one", "shop.example", default=True)
    two = ring.issue("two", "shop.example", default=True)
    missing = replace(ring.shows(one, two, client_auth="required"), client_ca=ring.folder / "none.pem")

    with pytest.raises(Invalid) as caught:
        read_shopfront(missing, time.time())

    said = [str(each) for each in caught.value.problems]
    assert len(said) == 3
    assert "none.pem:1:1" in said[0]
    assert f"`{one.certificate}` is the default certificate already, there can be one alone" in said[1]
    assert f"`shop.example` is also named by `{one.certificate}`, leave one of the two out" in said[2]


def test_what_will_not_hold_for_long_is_told(ring: Keyring) -> None:
    soon = ring.write("soon", ring.root.signs(Wish(names=("shop.example",), days=(-1, 3))))
    crl = ring.folder / "crl.pem"
    crl.write_bytes(ring.root.takes_back(days=(-3, -1)))

    notices = read_shopfront(ring.shows(soon, client_auth="optional", crl=crl), time.time()).notices

    assert notices[0].startswith(f"{soon.certificate}: the certificate expires on ")
    assert notices[1].startswith(f"{crl}: a CRL has expired")


def test_what_is_no_crl_is_refused(ring: Keyring) -> None:
    crl = ring.folder / "crl.pem"
    crl.write_text("nothing")
    with pytest.raises(Invalid, match="no CRL can be read here"):
        read_shopfront(ring.shows(ring.issue("a", "a.example"), client_auth="required", crl=crl), time.time())


def test_nothing_is_shown_before_the_start(ring: Keyring) -> None:
    with pytest.raises(RuntimeError):
        _ = Stored(ring.shows(ring.issue("a", "a.example"))).store.current


def test_a_pair_that_does_not_belong_together_is_not_shown(ring: Keyring) -> None:
    stored = Stored(ring.shows(ring.issue("shop", "shop.example")))
    first = stored.store.start()

    new = ring.issue("new", "shop.example")
    new.certificate.replace(ring.folder / "shop.pem")
    with pytest.raises(Invalid, match="the key is not that of the first certificate"):
        stored.reload()
    assert stored.store.current is first

    new.key.replace(ring.folder / "shop.key")
    stored.reload()
    assert stored.store.current is not first
    assert [(each["outcome"], each["cause"]) for each in stored.records] == [
        ("loaded", "start"),
        ("refused", "file"),
        ("loaded", "file"),
    ]


def test_it_can_be_pointed_at_other_files_and_shows_the_old_ones_until_they_are_read(ring: Keyring) -> None:
    settings = ring.shows(ring.issue("shop", "shop.example"))
    stored = Stored(settings)
    first = stored.store.start()
    assert stored.store.files == tuple(ring.folder / name for name in ("shop.pem", "shop.key"))
    assert not stored.store.point_at(settings)

    assert stored.store.point_at(ring.shows(ring.issue("other", "other.example")))
    assert stored.store.current is first
    stored.reload()
    assert stored.store.current.find(Host.parse("other.example")) is not None


def test_a_file_that_is_gone_takes_nothing_out_of_force(ring: Keyring) -> None:
    stored = Stored(ring.shows(ring.issue("shop", "shop.example")))
    first = stored.store.start()

    (ring.folder / "shop.key").unlink()
    with pytest.raises(Invalid):
        stored.reload()

    assert stored.store.current is first
    assert [each["outcome"] for each in stored.records] == ["loaded", "refused"]
