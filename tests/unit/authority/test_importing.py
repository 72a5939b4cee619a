from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from gateway.authority.importing import read_authority
from gateway.authority.signers import AuthorityUnusable
from tests.authorities import NOW, issue

if TYPE_CHECKING:
    from pathlib import Path

ROOT = issue("root")
BELOW = issue("below", ROOT, key=rsa.generate_private_key(65537, 2048))


def test_an_intermediate_is_read_with_its_chain(tmp_path: Path) -> None:
    certificate, key = BELOW.save(tmp_path, "below")
    chain, _ = ROOT.save(tmp_path, "root")

    authority = read_authority(certificate, key, chain, None, NOW)

    assert (authority.certificate, authority.chain) == (BELOW.certificate, (ROOT.certificate,))
    assert authority.key.public_key() == BELOW.key.public_key()


def test_the_chain_may_stand_in_the_same_file_and_in_both(tmp_path: Path) -> None:
    certificate, key = BELOW.save(tmp_path, "below")
    certificate.write_bytes(BELOW.pem + ROOT.pem)

    assert read_authority(certificate, key, None, None, NOW).chain == (ROOT.certificate,)
    assert read_authority(certificate, key, certificate, None, NOW).chain == (ROOT.certificate,)


def test_a_key_is_opened_with_the_first_line_of_a_file(tmp_path: Path) -> None:
    certificate, key = BELOW.save(tmp_path, "below")
    key.write_bytes(BELOW.secret(b"open sesame"))
    word = tmp_path / "word"
    word.write_text("open sesame\nand more\n", encoding="utf-8")

    authority = read_authority(certificate, key, None, word, NOW)

    assert authority.key.public_key() == BELOW.key.public_key()


def test_what_is_wrong_is_said_all_at_once_and_names_the_file(tmp_path: Path) -> None:
    certificate, _ = issue("plain", ROOT, is_authority=False).save(tmp_path, "plain")
    _, key = BELOW.save(tmp_path, "below")

    with pytest.raises(AuthorityUnusable) as refused:
        read_authority(certificate, key, None, None, NOW)

    assert refused.value.problems == (
        f"ca: `{certificate}`: the key does not belong to the certificate, bring the two that were made together",
        (
            f"ca: `{certificate}`: the certificate `plain` is no authority (basic constraints, CA:FALSE), "
            "bring one that may sign others"
        ),
    )


def test_a_file_without_a_passphrase_is_named(tmp_path: Path) -> None:
    certificate, key = BELOW.save(tmp_path, "below")
    key.write_bytes(BELOW.secret(b"open sesame"))
    word = tmp_path / "word"
    word.touch()

    with pytest.raises(AuthorityUnusable, match="word` is empty, write the passphrase into its first line"):
        read_authority(certificate, key, None, word, NOW)
