from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from gateway.authority.making import make

if TYPE_CHECKING:
    from cryptography import x509


@pytest.fixture(scope="session")
def certificate() -> x509.Certificate:
    """The certificate of an authority that was made just now."""
    return make(dt.datetime.now(dt.UTC)).certificate
