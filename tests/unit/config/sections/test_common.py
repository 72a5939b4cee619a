from __future__ import annotations

import pytest

from tests.unit.config.objections import APP, FORWARD, REVERSE, objections


@pytest.mark.parametrize(
    ("said", "yaml"),
    [
        (
            "listeners[0]: `identity` is not supported yet, leave it out",
            "listeners: [" + REVERSE + "identity: {}, routes: [{upstream: app}]}]",
        ),
        ("engine: `envoy` is not supported yet, write `mitmproxy`", f"listeners: [{FORWARD}]\nengine: envoy"),
    ],
)
def test_what_has_no_effect_yet_is_refused_so_that_nobody_believes_in_it(said: str, yaml: str) -> None:
    assert [said] == objections(APP + yaml)
