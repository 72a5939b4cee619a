from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.authority import rotating
from gateway.authority.constraints import Constraints
from gateway.authority.folder import NEXT, PREVIOUS, SIGNING, put
from gateway.authority.keeping import load, load_or_make, published, read
from gateway.authority.making import make, planned
from gateway.authority.signers import Authority, AuthorityUnusable, written
from tests.authorities import DAY, NOW, issue
from tests.house.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

KILLED = Path(__file__).with_name("killed.py")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an authority that signs."""
    load_or_make(tmp_path / "ca")
    return tmp_path / "ca"


def roles(folder: Path) -> dict[str, str]:
    """Which authority has which file."""
    return {each.file.name: each.certificate.subject.rfc4514_string() for each in read(folder)}


def test_the_next_one_is_published_while_the_old_one_signs(folder: Path) -> None:
    signing = load(folder).certificate

    rotating.rotate(folder, NOW)

    assert load(folder).certificate == signing
    assert [each.role for each in read(folder)] == ["signing", "next"]
    assert len(published(folder, NOW)) == 2
    assert (folder / NEXT).stat().st_mode & 0o777 == 0o600


def test_activated_it_signs_and_the_old_one_stays_published_until_it_is_retired(folder: Path) -> None:
    rotating.rotate(folder, NOW)
    signing, following = (each.certificate for each in read(folder))

    rotating.activate(folder, NOW)

    assert load(folder).certificate == following
    assert published(folder, NOW) == (following, signing)

    rotating.retire(folder, NOW)

    assert published(folder, NOW) == (following,)
    assert {each.name for each in folder.iterdir()} == {SIGNING, "ca.pem", "lock"}


def test_one_may_go_back_and_forth_as_long_as_nothing_is_retired(folder: Path) -> None:
    rotating.rotate(folder, NOW)
    before = roles(folder)

    rotating.activate(folder, NOW)
    rotating.go_back(folder, NOW)
    assert roles(folder) == before

    rotating.activate(folder, NOW)
    assert roles(folder) == {SIGNING: before[NEXT], PREVIOUS: before[SIGNING]}


def test_an_older_one_loses_its_key_and_stays_published(folder: Path) -> None:
    oldest = load(folder).certificate
    for _ in range(2):
        rotating.rotate(folder, NOW)
        rotating.activate(folder, NOW)

    (old,) = folder.glob("old-*.pem")
    assert b"PRIVATE" not in old.read_bytes()
    assert oldest in published(folder, NOW)
    assert len(published(folder, NOW)) == 3


def test_the_next_one_is_like_the_one_that_signs_unless_another_is_planned(tmp_path: Path) -> None:
    load_or_make(tmp_path / "ca", planned("Example", ["corp.example"], [], 86_400.0 * 90))
    rotating.rotate(tmp_path / "ca", NOW)
    signing, following = (each.certificate for each in read(tmp_path / "ca"))

    assert Constraints.of(following) == Constraints.of(signing)
    assert (following.not_valid_after_utc - NOW).days in {89, 90}

    (tmp_path / "ca" / NEXT).unlink()
    rotating.rotate(tmp_path / "ca", NOW, planned("Other", ["other.example"], [], 86_400.0 * 90))
    _, other = (each.certificate for each in read(tmp_path / "ca"))
    assert Constraints.of(other).permitted == ("other.example",)


def test_an_imported_one_signs_at_once_or_next(folder: Path) -> None:
    root = issue("root")
    at_once, later = issue("at once", root), issue("later", root)
    made = load(folder).certificate

    rotating.install(folder, Authority(at_once.certificate, at_once.key, (root.certificate,)), NOW, as_next=False)
    rotating.install(folder, Authority(later.certificate, later.key, (root.certificate,)), NOW, as_next=True)

    assert load(folder).certificate == at_once.certificate
    assert [(each.role, each.certificate) for each in read(folder)] == [
        ("signing", at_once.certificate),
        ("next", later.certificate),
        ("old", made),
    ]
    assert published(folder, NOW) == (root.certificate, made)


def test_an_imported_one_may_be_the_first(tmp_path: Path) -> None:
    authority = make(NOW)

    rotating.install(tmp_path / "ca", authority, NOW, as_next=False)

    assert load(tmp_path / "ca").certificate == authority.certificate


def _issued_elsewhere(folder: Path) -> None:
    root = issue("root")
    below = issue("below", root)
    rotating.install(folder, Authority(below.certificate, below.key), NOW, as_next=False)
    rotating.rotate(folder, NOW)


def _twice(folder: Path) -> None:
    rotating.rotate(folder, NOW)
    rotating.rotate(folder, NOW)


def _import_beside(folder: Path) -> None:
    rotating.rotate(folder, NOW)
    rotating.install(folder, make(NOW), NOW, as_next=True)


def _back_over(folder: Path) -> None:
    rotating.rotate(folder, NOW)
    rotating.activate(folder, NOW)
    rotating.rotate(folder, NOW)
    rotating.go_back(folder, NOW)


@pytest.mark.parametrize(
    ("said", "change"),
    [
        ("there is no next authority, `wicketgate ca rotate` makes one", lambda each: rotating.activate(each, NOW)),
        ("there is no authority that signed before", lambda each: rotating.go_back(each, NOW)),
        ("there is no old authority to retire", lambda each: rotating.retire(each, NOW)),
        ("there is a next authority already", _twice),
        ("there is a next authority already", _import_beside),
        ("the one that signs would become the next, remove `", _back_over),
        ("have the next one issued there too and bring it with `wicketgate ca import --next`", _issued_elsewhere),
        ("there is no authority that signs in `", lambda each: rotating.rotate(each / "elsewhere", NOW)),
    ],
)
def test_a_step_that_makes_no_sense_is_refused_with_the_way_out(
    said: str, change: Callable[[Path], None], folder: Path
) -> None:
    with pytest.raises(AuthorityUnusable) as refused:
        change(folder)
    assert said in str(refused.value)


def test_one_that_cannot_be_used_does_not_get_to_sign(folder: Path) -> None:
    rotating.rotate(folder, NOW)
    signing = load(folder).certificate
    (folder / NEXT).write_bytes(issue().secret() + issue().pem)

    with pytest.raises(AuthorityUnusable, match="the key does not belong to the certificate"):
        rotating.activate(folder, NOW)
    assert load(folder).certificate == signing


@pytest.mark.parametrize("broken", [written(make(NOW - 4000 * DAY)), issue().secret() + issue().pem])
def test_an_authority_that_cannot_sign_any_more_is_followed_by_one_that_can(broken: bytes, folder: Path) -> None:
    put(folder / SIGNING, broken)
    with pytest.raises(AuthorityUnusable):
        load_or_make(folder)

    rotating.rotate(folder, NOW)
    rotating.activate(folder, NOW)

    assert load_or_make(folder).objection("site.example", NOW) is None


def _prepared(folder: Path, step: str) -> None:
    """What must be there for a step."""
    if step != "start":
        load_or_make(folder)
        for _ in range({"activate": 1, "go_back": 1, "retire": 2, "install": 1}.get(step, 0)):
            rotating.rotate(folder, NOW)
            rotating.activate(folder, NOW)
    if step == "activate":
        rotating.rotate(folder, NOW)


@pytest.mark.parametrize("step", ["start", "rotate", "activate", "go_back", "retire", "install"])
def test_killed_at_any_moment_an_authority_signs_and_none_is_forgotten(step: str, tmp_path: Path) -> None:
    before = tmp_path / "before"
    _prepared(before, step)
    known = set(published(before, NOW))
    for moment in count():
        folder = tmp_path / f"{moment}"
        if before.exists():
            shutil.copytree(before, folder)
        command = [sys.executable, str(KILLED), str(moment), str(folder), step]
        ended = subprocess.run(command, check=False, cwd=ROOT, env={"PYTHONPATH": str(ROOT)})
        signing = load_or_make(folder).certificate

        # It is one that clients were told of, unless it was brought from elsewhere.
        assert signing in known or step in {"start", "install"}
        assert step == "retire" or known <= set(published(folder, NOW))
        assert signing in published(folder, NOW)
        assert list(folder.glob("*.new")) == []
        if ended.returncode == 0:
            break
        assert ended.returncode == -signal.SIGKILL
        _again(folder, step)
    assert moment >= 5


def _again(folder: Path, step: str) -> None:
    """What was interrupted can be finished, or turns out to be done."""
    again: dict[str, Callable[[], object]] = {
        "rotate": lambda: rotating.rotate(folder, NOW),
        "activate": lambda: rotating.activate(folder, NOW),
        "go_back": lambda: rotating.go_back(folder, NOW),
        "retire": lambda: rotating.retire(folder, NOW),
        "install": lambda: rotating.install(folder, make(NOW), NOW, as_next=False),
        "start": lambda: load_or_make(folder),
    }
    try:
        again[step]()
    except AuthorityUnusable as error:
        assert "there is a" in str(error) or "there is no" in str(error)  # noqa: PT017 - not raised at most moments
