from __future__ import annotations

import hashlib
import json
import ssl
from typing import TYPE_CHECKING

import pytest

from gateway.authority import rotating
from gateway.authority.keeping import load_or_make
from gateway.authority.making import planned
from gateway.authority.signers import Authority
from gateway.cli.ca import main
from gateway.cli.outcome import OK, Unusable
from tests.authorities import DAY, NOW, issue

if TYPE_CHECKING:
    from pathlib import Path


def digest(pem: bytes, algorithm: str) -> str:
    return hashlib.new(algorithm, ssl.PEM_cert_to_DER_cert(pem.decode())).digest().hex(":").upper()


def test_people_are_shown_what_they_have_to_compare(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    plan = planned("Example", ["corp.example"], [], 86_400.0 * 90)
    made = load_or_make(tmp_path / "ca", plan)

    assert main(["show", "--state", str(tmp_path)]) == OK
    assert capfd.readouterr().out.splitlines() == [
        f"signing {made.certificate.subject.rfc4514_string()}",
        f"  SHA-256     {digest(made.pem, 'sha256')}",
        f"  SHA-1       {digest(made.pem, 'sha1')}",
        f"  valid       {made.not_before:%Y-%m-%d} to {made.not_after:%Y-%m-%d}",
        "  permitted   corp.example",
        "  excluded    0.0.0.0/0, ::/0",
        f"  file        {tmp_path / 'ca' / 'signing.key'}",
    ]


def test_of_an_imported_one_the_root_is_what_is_to_be_installed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    root = issue("root")
    below = issue("below", root)
    authority = Authority(below.certificate, below.key, (root.certificate,))
    rotating.install(tmp_path / "ca", authority, NOW, as_next=False)

    main(["show", "--state", str(tmp_path)])
    text = capfd.readouterr().out
    main(["show", "--state", str(tmp_path), "--format", "json"])
    (shown,) = json.loads(capfd.readouterr().out)["authorities"]

    assert f"  issued by   CN=root\n  to install  CN=root\n    SHA-256   {digest(root.pem, 'sha256')}\n" in text
    assert shown["subject"] == "CN=below"
    assert (
        shown["install"]
        == shown["chain"][0]
        == {
            "subject": "CN=root",
            "sha256": digest(root.pem, "sha256"),
            "sha1": digest(root.pem, "sha1"),
        }
    )


def test_one_that_expired_is_shown_as_such(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    old = issue("old", since=NOW - 9 * DAY, until=NOW - DAY)
    rotating.install(tmp_path / "ca", Authority(old.certificate, old.key), NOW, as_next=False)

    assert main(["show", "--state", str(tmp_path)]) == OK
    assert "  expired     yes" in capfd.readouterr().out.splitlines()


def test_where_no_authority_is_its_beginning_is_explained(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="a forward proxy makes one on its first start"):
        main(["show", "--state", str(tmp_path)])
    assert list(tmp_path.iterdir()) == []
