from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from gateway.config.settings import UpstreamTlsSettings
from gateway.policy.problems import Invalid
from gateway.upstreams.trust import read_trust
from tests.e2e.certificates import Wish, authority

if TYPE_CHECKING:
    from pathlib import Path

NOW = time.time()


def test_authorities_and_revocations_of_all_files_come_together(tmp_path: Path) -> None:
    one, two = authority("one"), authority("two")
    (tmp_path / "both.pem").write_bytes(one.pem + two.pem)
    (tmp_path / "crl.pem").write_bytes(one.takes_back(one.signs(Wish())))
    (tmp_path / "list.txt").write_text("serial:1\n")
    files = (tmp_path / "crl.pem", tmp_path / "list.txt")

    trust = read_trust(UpstreamTlsSettings(trust=(tmp_path / "both.pem",), revoked=files, minimum="1.3"), NOW)

    assert trust.authorities == (one.certificate, two.certificate)
    assert (len(trust.revoked.crls), trust.minimum) == (1, "1.3")
    assert trust.revoked.serials == {1}
    assert trust.notices == ()


def test_without_files_the_machine_is_believed() -> None:
    trust = read_trust(UpstreamTlsSettings(), NOW)

    assert (trust.authorities, trust.system_roots, trust.revoked.names_certificates) == ((), True, False)


def test_every_problem_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("")
    (tmp_path / "list.txt").write_text("what is this\n")
    settings = UpstreamTlsSettings(trust=(tmp_path / "empty.pem", tmp_path / "none"), revoked=(tmp_path / "list.txt",))

    with pytest.raises(Invalid) as caught:
        read_trust(settings, NOW)
    assert [each.message.split(",")[0] for each in caught.value.problems] == [
        "no certificate can be read here",
        "`what is this` names no certificate",
        "the file cannot be read: no such file or directory",
    ]


def test_what_is_past_its_time_is_told_and_no_problem(tmp_path: Path) -> None:
    root = authority()
    (tmp_path / "root.pem").write_bytes(root.pem)
    (tmp_path / "crl.pem").write_bytes(root.takes_back())
    settings = UpstreamTlsSettings(trust=(tmp_path / "root.pem",), revoked=(tmp_path / "crl.pem",))

    assert read_trust(settings, NOW).notices == ()
    late = read_trust(settings, NOW + 40 * 86400).notices
    assert ["an authority has expired" in late[0], "a CRL has expired" in late[1]] == [True, True]
