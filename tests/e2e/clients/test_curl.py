from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.e2e.clients.site import PAGE
from tests.e2e.commands import PATIENCE

if TYPE_CHECKING:
    from tests.e2e.clients.conftest import Company

pytestmark = pytest.mark.e2e


def _curl(company: Company, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["curl", "-sS", "--proxy", company.url, "--cacert", str(company.authority), *arguments],
        env=dict(company.environment()),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def test_curl_gets_an_inspected_page(company: Company) -> None:
    answer = _curl(company, company.site.url("www.example"))

    assert (answer.returncode, answer.stdout) == (0, PAGE)


def test_curl_is_told_by_whom_and_why_it_is_refused_inside_an_inspected_site(company: Company) -> None:
    answer = _curl(company, "-w", "\n%{http_code}", company.site.url("www.example", "/secret/plans"))
    body, _, status = answer.stdout.rpartition("\n")
    problem = json.loads(body)

    assert (answer.returncode, status) == (0, "403")
    assert (problem["reason"], problem["rule"], problem["detail"]) == ("rule-deny", "no-secrets", "Not for you")
    assert "/secret/plans" not in company.site.paths("www.example")


def test_curl_is_refused_a_tunnel_to_a_denied_site(company: Company) -> None:
    answer = _curl(company, company.site.url("games.example"))

    assert answer.returncode == 56, answer.stderr
    assert "403" in answer.stderr
    assert company.was_denied("rule-deny", "no-games")
    assert company.site.paths("games.example") == []


def test_curl_sees_the_certificate_of_the_site_itself_where_tls_is_passed_on(company: Company) -> None:
    refused = _curl(company, company.site.url("bank.example"))
    accepted = _curl(company, "-k", company.site.url("bank.example"))

    assert refused.returncode == 60, refused.stderr
    assert (accepted.returncode, accepted.stdout) == (0, PAGE)


def test_curl_uploads_in_chunks_and_with_a_length(company: Company) -> None:
    url, data = company.site.url("www.example", "/upload"), "x" * 300_000

    chunked = _curl(company, "-H", "Transfer-Encoding: chunked", "--data-binary", data[:100_000], url)
    sized = _curl(company, "--data-binary", data[:120_000], url)

    assert (chunked.stdout, sized.stdout) == ("100000", "120000")


def test_curl_is_told_of_the_proxy_by_its_environment(company: Company) -> None:
    answer = subprocess.run(
        ["curl", "-sS", "--cacert", str(company.authority), company.site.url("www.example")],
        env=dict(company.environment()),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    assert (answer.returncode, answer.stdout) == (0, PAGE)
