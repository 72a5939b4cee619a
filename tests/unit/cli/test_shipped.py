from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gateway.cli import shipped
from gateway.cli.shipped import shipped_policies, shipped_policy

CHECKOUT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("name", ["corporate", "api", "deny-by-default"])
def test_every_shipped_policy_is_found_in_a_checkout(name: str) -> None:
    assert shipped_policy(name) == CHECKOUT / "policies" / f"{name}.yaml"
    assert shipped_policy(name).is_file()


def test_an_installed_package_finds_the_policies_that_it_carries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    carried = tmp_path / "gateway" / "shipped_policies"
    shutil.copytree(CHECKOUT / "policies", carried)
    monkeypatch.setattr(shipped, "_PLACES", (carried, tmp_path / "policies"))

    assert shipped_policies() == carried


def test_an_installation_that_lost_its_policies_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "_PLACES", (tmp_path,))

    with pytest.raises(FileNotFoundError, match="install wicketgate again"):
        shipped_policies()
