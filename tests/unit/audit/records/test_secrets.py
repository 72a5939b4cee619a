from __future__ import annotations

import string
import time
from random import Random

import pytest

from gateway.audit.records.secrets import mask_secrets

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ("/reset/REDACTED", f"/reset/{JWT}"),
        ("/REDACTED/x", "/AKIAIOSFODNN7EXAMPLE/x"),
        ("/k/REDACTED", "/k/ghp_16C7e42F292c6912E7710c838347Ae178B4a"),
        ("/k/REDACTED", "/k/xoxb-123456789012-abcdefghij"),
        ("/k/REDACTED", "/k/AIzaSyA-1234567890abcdefghijklmnopqrstu"),
        ("/k/REDACTED", "/k/sk_live_4eC39HqLyjWDarjtT1"),
        ("/upload/REDACTED", "/upload/-----BEGIN%20PRIVATE%20KEY-----%0AMIIE/x"),
        ("/hash/REDACTED", "/hash/9f86d081884c7d659a2feaa0c55ad015"),
        ("/s/REDACTED/end", "/s/wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY/end"),
        ("/s/REDACTED", "/s/q83vASNFZ4mrze8BI0VniavN7wEjRWeJ"),
        ("/app;jsessionid=REDACTED", "/app;jsessionid=1A530637"),
        ("/app;jsessionid=REDACTED/x;v=REDACTED", "/app;jsessionid=1A/x;v=2"),
        ("/go/http://REDACTED@h.example/", "/go/http://user:pw@h.example/"),
        ("/go/http:/REDACTED@h.example/", "/go/http:/user@h.example/"),
        ("/go/REDACTED%40h.example", "/go/http:%2F%2Fuser:pw%40h.example"),
        ("/go/REDACTED@h.example", "/go/user:p@w@h.example"),
    ],
)
def test_what_looks_like_a_credential_is_masked(wanted: str, text: str) -> None:
    assert wanted == mask_secrets(text)


@pytest.mark.parametrize(
    "text",
    [
        "/",
        "/index.html",
        "/@scope/package/-/package-1.2.3.tgz",
        "/package@1.2",
        "/people/alice@corp.example",
        "/2026/11/how-to-write-a-very-long-title-about-proxies",
        "/The-Long-Title-Of-An-Article-About-2026-And-More",
        "/items/550e8400-e29b-41d4-a716-446655440000/parts",
        "/static/vendor.bundle.min.js",
        "/a_rather_long_function_name_in_snake_case",
        "/%E4%B8%AD%E6%96%87%E4%B8%AD%E6%96%87%E4%B8%AD",
    ],
)
def test_words_and_resource_names_stay_readable(text: str) -> None:
    assert text == mask_secrets(text)


@pytest.mark.parametrize("alphabet", ["url-safe", "hexadecimal", "letters and digits"])
def test_hardly_a_random_token_stays_whole(alphabet: str) -> None:
    """A pass over patterns can miss; it must miss so seldom that a leak is an accident, not a rule."""
    random = Random(20261123)
    letters = {
        "url-safe": string.ascii_letters + string.digits + "-_",
        "hexadecimal": "0123456789abcdef",
        "letters and digits": string.ascii_lowercase + string.digits,
    }[alphabet]
    tokens = ["".join(random.choices(letters, k=43)) for _ in range(2000)]

    missed = [token for token in tokens if token in mask_secrets(f"/reset/{token}/confirm")]

    assert len(missed) <= 10


@pytest.mark.parametrize(
    "hostile", ["%3B", ";", "@", "%40", ":%2F", "://", "eyJ.", "a-", "Aa1", "-----BEGIN", ";a=", "sk-", "%2B"]
)
def test_the_pass_is_quick_on_hostile_paths(hostile: str) -> None:
    text = "/" + hostile * (16384 // len(hostile))
    began = time.perf_counter()

    mask_secrets(text)

    assert time.perf_counter() - began < 0.5
