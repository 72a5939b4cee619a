from __future__ import annotations

import re

import pytest

from gateway.pages.recipes import RECIPES

SYSTEMS = (
    "Windows",
    "macOS",
    "Debian",
    "Fedora",
    "iPhone",
    "Android",
    "Firefox",
    "Chromium",
    "curl",
    "Java",
    "Node",
    "Python",
    "git",
    "Docker",
)


@pytest.mark.parametrize("system", SYSTEMS)
def test_there_are_steps_for_every_system(system: str) -> None:
    (recipe,) = [each for each in RECIPES if system in each.system]

    assert recipe.steps


def test_the_address_of_the_proxy_and_its_exceptions_are_filled_in_and_nothing_is_left_open() -> None:
    steps = [step for each in RECIPES for step in each.filled("10.0.0.5:8080", "localhost,.corp.example")]

    assert [step for step in steps if re.search(r"\{[a-z]+\}", step)] == []
    assert "$ curl -fsS http://10.0.0.5:8080/ca.pem -o gateway-ca.pem" in steps
    assert "$ java -Dhttps.proxyHost=10.0.0.5 -Dhttps.proxyPort=8080 -jar program.jar" in steps
    assert "$ chromium --proxy-pac-url=http://10.0.0.5:8080/proxy.pac" in steps
    assert "$ export http_proxy=http://10.0.0.5:8080 https_proxy=http://10.0.0.5:8080" in steps
    assert "$ export no_proxy=localhost,.corp.example" in steps


def test_where_clients_need_no_proxy_only_the_certificate_is_spoken_of() -> None:
    steps = [step for each in RECIPES for step in each.filled(None, "localhost")]

    assert [step for step in steps if "roxy" in step or "{" in step] == []
    assert "$ curl -fsS http://wicketgate.internal/ca.pem -o gateway-ca.pem" in steps
    assert "$ sudo update-ca-certificates" in steps
