from __future__ import annotations

import pytest

from gateway.policy.headers import HeaderEdit
from gateway.upstreams.safety import PRESETS, SecurityPreset, fields_of, filled_in, of_own_page

HSTS = b"Strict-Transport-Security"
ON = [each for each in PRESETS if each != "off"]


@pytest.mark.parametrize("preset", ON)
def test_every_preset_says_these(preset: SecurityPreset) -> None:
    names = {name for name, _ in fields_of(preset, https=True)}

    assert names >= {
        b"X-Content-Type-Options",
        b"X-Frame-Options",
        b"Referrer-Policy",
        b"Content-Security-Policy",
        HSTS,
    }


@pytest.mark.parametrize("preset", ON)
def test_https_is_insisted_on_over_https_alone(preset: SecurityPreset) -> None:
    plain, secure = (fields_of(preset, https=https) for https in (False, True))

    assert secure[: len(plain)] == plain
    assert [name for name, _ in secure[len(plain) :]] == [HSTS]


@pytest.mark.parametrize("preset", PRESETS)
def test_no_field_is_said_twice_and_every_one_can_be_written(preset: SecurityPreset) -> None:
    fields = fields_of(preset, https=True)

    assert len({name.lower() for name, _ in fields}) == len(fields)
    assert len(HeaderEdit(set=tuple((name.decode(), value.decode()) for name, value in fields)).set) == len(fields)


@pytest.mark.parametrize("https", [True, False])
def test_off_says_nothing(*, https: bool) -> None:
    assert (fields_of("off", https=https), of_own_page("off", https=https)) == ((), ())


def test_what_is_said_already_stays() -> None:
    said = [(b"x-frame-options", b"SAMEORIGIN"), (b"Link", b"a")]

    filled = filled_in(said, fields_of("api", https=False))

    assert filled[:2] == said
    assert [name for name, _ in filled[2:]] == [
        b"X-Content-Type-Options",
        b"Referrer-Policy",
        b"Content-Security-Policy",
    ]


@pytest.mark.parametrize(("preset", "age"), [("web", b"max-age=31536000"), ("strict", b"max-age=63072000")])
def test_a_page_of_our_own_is_framed_by_nobody_and_insists_on_https_as_the_preset_does(
    preset: SecurityPreset, age: bytes
) -> None:
    said = dict(of_own_page(preset, https=True))

    assert (said[b"X-Frame-Options"], said[HSTS].split(b";")[0]) == (b"DENY", age)
    assert HSTS not in dict(of_own_page(preset, https=False))
