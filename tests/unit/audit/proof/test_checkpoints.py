from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.proof.checkpoints import Checkpoint, Signed
from gateway.audit.proof.notes import BadNote, Note
from tests.unit.audit.proof.proved import KEY, OTHER

SPECIFIED = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"


def test_the_checkpoint_of_the_specification_is_read_and_written_as_it_stands() -> None:
    checkpoint = Checkpoint.parse(SPECIFIED)

    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.root.hex().startswith("0ac5186a")
    assert checkpoint.text == SPECIFIED


@given(st.integers(0, 2**63), st.binary(min_size=32, max_size=32))
def test_a_checkpoint_says_what_it_said(size: int, root: bytes) -> None:
    checkpoint = Checkpoint("wicketgate/1f", size, root)

    assert Checkpoint.parse(checkpoint.text) == checkpoint
    assert Checkpoint.parse(f"{checkpoint.text}an extension\n") == checkpoint


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("has three lines", "a\n1\n"),
        ("has three lines", "\n1\nCsUY\n"),
        ("`01` is no size", SPECIFIED.replace("20852163", "01")),
        ("`-1` is no size", SPECIFIED.replace("20852163", "-1")),
        ("`CsUY` is no root", "a\n1\nCsUY\n"),
        ("is no root", SPECIFIED.replace("CsUY", "!!!!")),
    ],
)
def test_what_is_no_checkpoint_is_not_read_as_one(what: str, text: str) -> None:
    with pytest.raises(BadNote, match=what):
        Checkpoint.parse(text)


def test_a_checkpoint_counts_with_the_keys_that_signed_it() -> None:
    note = str(Note.sign(SPECIFIED, [KEY]))

    assert Signed.open(note, [OTHER.verifier, KEY.verifier]).signers == (KEY.verifier,)
    with pytest.raises(BadNote, match="no key that is known"):
        Signed.open(note, [OTHER.verifier])
