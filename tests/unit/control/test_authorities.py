from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from gateway.authority import rotating
from gateway.authority.exports import fingerprint
from gateway.authority.keeping import load, load_or_make, published
from gateway.authority.signers import AuthorityUnusable
from gateway.config.settings import AuthoritySettings
from gateway.control.authorities import AuthorityStore, plan_of
from tests.authorities import DAY, NOW

if TYPE_CHECKING:
    from pathlib import Path

CORP = AuthoritySettings(name="Example", permitted=("corp.example",), lifetime=90 * 86_400.0)


def store_of(
    folder: Path, settings: AuthoritySettings | None = None, records: list[Any] | None = None
) -> tuple[AuthorityStore, list[float]]:
    """A store and its clock, which can be set."""
    clock = [NOW.timestamp()]
    record = [].append if records is None else records.append
    return AuthorityStore(folder, settings or AuthoritySettings(), lambda: clock[0], record), clock


def test_an_authority_is_made_as_the_settings_say(tmp_path: Path) -> None:
    store, _ = store_of(tmp_path / "ca", CORP)

    assert store.current.certificate == load(tmp_path / "ca").certificate
    assert "O=Example" in store.current.certificate.subject.rfc4514_string()
    assert store.current.objection("site.example", NOW) == (
        "The gateway's authority may not sign for this host: its name constraints permit corp.example alone."
    )
    assert list(store.notices()) == []


def test_one_that_cannot_be_used_ends_the_start(tmp_path: Path) -> None:
    load_or_make(tmp_path / "ca")
    (tmp_path / "ca" / "signing.key").write_text("nothing of the kind", encoding="utf-8")

    with pytest.raises(AuthorityUnusable, match="holds no certificate in PEM"):
        store_of(tmp_path / "ca")


def test_what_is_published_changes_with_a_rotation_before_the_signer_does(tmp_path: Path) -> None:
    records: list[Any] = []
    store, _ = store_of(tmp_path / "ca", records=records)
    first = store.current.certificate
    assert asyncio.run(store.reload_aside("signal")) == []
    assert store.published() == (first,)

    rotating.rotate(tmp_path / "ca", NOW)
    assert asyncio.run(store.reload_aside("signal")) == ["ca: what clients should trust has changed: 2 in all"]

    assert store.current.certificate == first
    assert store.published() == published(tmp_path / "ca", NOW)
    assert len(store.published()) == 2

    rotating.activate(tmp_path / "ca", NOW)
    said = asyncio.run(store.reload_aside("signal"))

    second = load(tmp_path / "ca")
    assert said[0] == f"ca: another authority signs from now on ({second.fingerprint} SHA-256)"
    assert [(each["event"], each["outcome"], each["signing"], len(each["trusted"])) for each in records] == [
        ("authority", "loaded", fingerprint(first, "SHA-256"), 2),
        ("authority", "loaded", second.fingerprint, 2),
    ]
    assert store.published() == (second.certificate, first)


def test_one_that_cannot_be_used_changes_nothing_and_none_is_made_anew(tmp_path: Path) -> None:
    records: list[Any] = []
    store, _ = store_of(tmp_path / "ca", records=records)
    before = store.current
    (tmp_path / "ca" / "signing.key").unlink()

    with pytest.raises(AuthorityUnusable) as refused:
        asyncio.run(store.reload_aside("signal"))

    (why,) = refused.value.problems
    assert "signing.key` is missing" in why
    assert store.current is before
    (record,) = records
    assert (record["outcome"], record["signing"], record["problems"]) == ("refused", before.fingerprint, [why])
    assert not (tmp_path / "ca" / "signing.key").exists()


def test_the_operator_is_told_in_time_that_it_expires(tmp_path: Path) -> None:
    store, clock = store_of(tmp_path / "ca")
    assert list(store.notices()) == []

    clock[0] += 3600 * DAY.total_seconds()

    assert list(store.notices()) == [
        (
            f"ca: the authority expires on {store.current.not_after:%Y-%m-%d}, "
            "make the next one in time: `wicketgate ca rotate`"
        )
    ]


def test_the_operator_is_told_that_a_certificate_lacks_the_constraints_that_are_kept(tmp_path: Path) -> None:
    load_or_make(tmp_path / "ca")
    store, _ = store_of(tmp_path / "ca", CORP)

    (notice,) = store.notices()

    assert notice.startswith("ca: the certificate of the authority does not carry the constraints")
    assert store.current.objection("site.example", NOW) is not None


def test_a_plan_is_what_the_settings_say() -> None:
    plan = plan_of(CORP)

    assert (plan.name, plan.constraints.permitted, plan.lifetime) == ("Example", ("corp.example",), 90 * DAY)
