from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from gateway.authority.making import make

if TYPE_CHECKING:
    from cryptography.x509 import Certificate


@pytest.fixture(scope="session")
def certificates() -> tuple[Certificate, Certificate]:
    """Of two authorities, the one in use first."""
    now = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)
    return make(now).certificate, make(now).certificate
