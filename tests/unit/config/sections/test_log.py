from __future__ import annotations

import pytest

from gateway.config.settings import LogSettings
from tests.unit.config.objections import FORWARD, objections, read


@pytest.mark.parametrize(
    ("wanted", "yaml"),
    [
        (LogSettings(level="warning", format="text"), ""),
        (LogSettings(level="debug", format="text"), "log: {level: debug}"),
        (LogSettings(level="warning", format="json"), "log: {format: json}"),
        (LogSettings(level="info", format="json"), "log: {level: info, format: json}"),
    ],
)
def test_what_is_left_out_is_quiet_text(wanted: LogSettings, yaml: str) -> None:
    assert read(f"listeners: [{FORWARD}]\n{yaml}").log == wanted


@pytest.mark.parametrize(
    ("objection", "yaml"),
    [
        ("log.level: `loud` is unknown here", "log: {level: loud}"),
        ("log.format: `xml` is unknown here", "log: {format: xml}"),
        ("log: unknown key `file`", "log: {file: x}"),
    ],
)
def test_what_means_nothing_is_objected_to(objection: str, yaml: str) -> None:
    (found,) = objections(f"listeners: [{FORWARD}]\n{yaml}")

    assert found.startswith(objection)
