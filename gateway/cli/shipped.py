"""The policies that come with the product, wherever it was installed from.

In a checkout they lie in `policies/`, where people edit them; a wheel carries the same files inside the package.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

_GATEWAY: Final = Path(__file__).resolve().parent.parent
_PLACES: Final = (_GATEWAY / "shipped_policies", _GATEWAY.parent / "policies")


def shipped_policies() -> Path:
    """The folder of the shipped policies. Raises FileNotFoundError in an installation that lost them."""
    for place in _PLACES:
        if (place / "corporate.yaml").is_file():
            return place
    raise FileNotFoundError(2, "the shipped policies are missing, install wicketgate again", str(_PLACES[0]))


def shipped_policy(name: str) -> Path:
    """The file of a shipped policy: `corporate`, `api` or `deny-by-default`."""
    return shipped_policies() / f"{name}.yaml"
