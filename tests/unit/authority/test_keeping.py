from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from cryptography import x509

from gateway.authority.folder import NEXT, PREVIOUS, SIGNING, TRUSTED, put
from gateway.authority.keeping import Kept, load, load_or_make, published, read, trusted
from gateway.authority.making import Plan, make, planned
from gateway.authority.signers import Authority, AuthorityUnusable, written
from tests.authorities import DAY, NOW, Issued, issue

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for authorities, with nothing in it yet."""
    place = tmp_path / "ca"
    place.mkdir(mode=0o700)
    return place


def kept(folder: Path, name: str, issued: Issued, *chain: Issued) -> None:
    authority = Authority(issued.certificate, issued.key, tuple(each.certificate for each in chain))
    put(folder / name, written(authority))


def refusal(folder: Path) -> str:
    with pytest.raises(AuthorityUnusable) as refused:
        load_or_make(folder)
    return str(refused.value)


def test_the_authority_is_made_once_and_its_key_is_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "ca"

    made, loaded = load_or_make(folder), load_or_make(folder)

    assert made.certificate == loaded.certificate
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {each.name: each.stat().st_mode & 0o777 for each in folder.iterdir()} == {
        SIGNING: 0o600,
        TRUSTED: 0o644,
        "lock": 0o600,
    }
    assert x509.load_pem_x509_certificates((folder / TRUSTED).read_bytes()) == [made.certificate]
    assert b"PRIVATE" not in (folder / TRUSTED).read_bytes()


def test_of_many_that_start_at_once_one_makes_it_and_all_use_it(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from gateway.authority.keeping import load_or_make; "
        "sys.stdin.read(1); print(load_or_make(Path(sys.argv[1])).fingerprint)"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "ca")]
    starting = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]

    for each in starting:
        assert each.stdin is not None
        each.stdin.write("x")
        each.stdin.flush()
    prints = {each.communicate()[0].strip() for each in starting}

    assert prints == {load(tmp_path / "ca").fingerprint}


def test_the_plan_is_followed_when_it_is_made_and_bounds_one_that_was_made_before(folder: Path) -> None:
    plan = planned("Example", ["corp.example"], [], 30 * 86_400.0)

    made = load_or_make(folder / "new", plan)
    load_or_make(folder / "old", Plan())
    bounded = load_or_make(folder / "old", plan)

    assert made.objection("www.example", NOW) is not None
    assert (made.not_after - NOW).days in range(29, 31)
    assert bounded.objection("www.corp.example", NOW) is None
    assert bounded.objection("www.example", NOW) == (
        "The gateway's authority may not sign for this host: its name constraints permit corp.example alone."
    )


@pytest.mark.parametrize(
    ("said", "name", "text"),
    [
        ("holds a key without its certificate, bring the file back", SIGNING, issue().secret()),
        ("holds no private key, bring the file back", SIGNING, issue().pem),
        ("the key does not belong to the certificate", SIGNING, issue().secret() + issue().pem),
        ("expired on", SIGNING, written(make(NOW - 4000 * DAY))),
        ("is not valid before", SIGNING, written(make(NOW + 10 * DAY))),
        ("is a key without its certificate, bring", "ca.key", issue().secret()),
    ],
)
def test_an_authority_that_cannot_be_used_is_named_and_no_other_one_is_made(
    said: str, name: str, text: bytes, folder: Path
) -> None:
    put(folder / name, text)

    assert said in refusal(folder)
    assert f"`{folder / name}`" in refusal(folder)
    assert (folder / name).read_bytes() == text


@pytest.mark.parametrize("left", [NEXT, PREVIOUS, TRUSTED])
def test_where_the_one_that_signs_was_lost_no_other_one_takes_its_place(left: str, folder: Path) -> None:
    put(folder / left, written(make(NOW)))

    assert f"`{folder / SIGNING}` is missing and `{folder / left}` is there: bring it back" in refusal(folder)
    assert not (folder / SIGNING).exists()


def test_loading_makes_none(folder: Path) -> None:
    with pytest.raises(AuthorityUnusable, match=r"signing\.key` is missing: bring it back"):
        load(folder)


@pytest.mark.parametrize("interrupted", [False, True])
def test_the_two_files_of_before_are_taken_over(interrupted: bool, folder: Path) -> None:  # noqa: FBT001 - a column of the table
    before = issue("before")
    put(folder / "ca.key", before.secret())
    put(folder / "ca.pem", before.pem)
    if interrupted:
        put(folder / SIGNING, before.secret() + before.pem)

    assert load_or_make(folder).certificate == before.certificate
    assert {each.name for each in folder.iterdir()} == {SIGNING, TRUSTED, "lock"}


def test_a_key_of_somebody_else_beside_an_authority_is_left_alone(folder: Path) -> None:
    load_or_make(folder)
    put(folder / "ca.key", issue().secret())

    load_or_make(folder)

    assert (folder / "ca.key").exists()


def test_all_are_read_the_one_that_signs_first_and_none_twice(folder: Path) -> None:
    root = issue("root")
    signing, following, old = issue("signing", root), issue("next"), issue("old")
    kept(folder, PREVIOUS, signing, root)
    kept(folder, NEXT, following)
    kept(folder, SIGNING, signing, root)
    put(folder / "old-1.pem", old.pem)

    found = read(folder)

    assert [(each.role, each.certificate, each.file.name) for each in found] == [
        ("signing", signing.certificate, SIGNING),
        ("next", following.certificate, NEXT),
        ("old", old.certificate, "old-1.pem"),
    ]
    assert published(folder, NOW) == (root.certificate, following.certificate, old.certificate)


def test_where_nothing_is_nothing_is_read_and_nothing_is_made(tmp_path: Path) -> None:
    assert read(tmp_path / "ca") == ()
    assert list(tmp_path.iterdir()) == []


def test_an_old_authority_is_trusted_until_it_expires(tmp_path: Path) -> None:
    signing, old = issue("signing"), issue("old", until=NOW + DAY)
    both = (
        Kept("signing", tmp_path, signing.certificate, ()),
        Kept("old", tmp_path, old.certificate, ()),
    )

    assert trusted(both, NOW) == (signing.certificate, old.certificate)
    assert trusted(both, NOW + DAY) == (signing.certificate,)
