from __future__ import annotations

import pytest

from tests.unit.config.objections import FORWARD, objections, read


def test_an_authority_is_named_bounded_and_dated() -> None:
    ca = read(
        f"listeners: [{FORWARD}]\n"
        "ca: {name: Example Ltd, permitted: [Corp.Example., 10.0.0.0/8], excluded: [10.1.2.3], lifetime: 90d}"
    ).ca

    assert (ca.name, ca.permitted, ca.excluded) == ("Example Ltd", ("corp.example", "10.0.0.0/8"), ("10.1.2.3/32",))
    assert ca.lifetime == 90 * 86_400


def test_left_out_it_is_the_usual_one_and_bounded_by_nothing() -> None:
    ca = read(f"listeners: [{FORWARD}]").ca

    assert (ca.name, ca.permitted, ca.excluded, ca.lifetime / 86_400) == ("Wicketgate", (), (), 3650)


@pytest.mark.parametrize(
    ("said", "ca"),
    [
        ("ca.lifetime: an authority lives between `1d` and `7300d`, twenty years", "lifetime: 1h"),
        ("ca.lifetime: an authority lives between `1d` and `7300d`, twenty years", "lifetime: 9999d"),
        ("ca.permitted[0]: `10.0.0.1/8` has host bits set, use `10.0.0.0/8`", "permitted: [10.0.0.1/8]"),
        (
            "ca.excluded[0]: `*.corp.example`: a name stands for itself and all below it, write `corp.example`",
            'excluded: ["*.corp.example"]',
        ),
        ("ca.name: the text is longer than 40 characters, shorten it", f"name: {'x' * 41}"),
        ("ca: unknown key `permited`, did you mean `permitted`?", "permited: [corp.example]"),
    ],
)
def test_what_makes_no_sense_is_refused(said: str, ca: str) -> None:
    assert [said] == objections(f"listeners: [{FORWARD}]\nca: {{{ca}}}")
