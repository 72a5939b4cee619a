from __future__ import annotations

import pytest

from gateway.audit.records.disclosure import is_secret


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "cookie",
        "Set-Cookie",
        "X-Api-Key",
        "x-forwarded-for",
        "access_token",
        "accessToken",
        "csrfToken",
        "PHPSESSID",
        "password",
        "user_password",
        "sig",
        "api-key",
        "X-Goog-Signature",
        "code",
    ],
)
def test_what_proves_who_somebody_is_can_never_be_shown(name: str) -> None:
    assert is_secret(name) is True


@pytest.mark.parametrize("name", ["page", "user-agent", "keyword", "author", "X-Request-Id", "monkey", "lang", "q"])
def test_what_says_nothing_about_anybody_can_be_shown(name: str) -> None:
    assert is_secret(name) is False
