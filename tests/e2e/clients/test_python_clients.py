from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import httpx
import pytest
import requests  # noqa: TID251 - the client whose way through the proxy is tested here
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.e2e.clients.site import PAGE
from tests.e2e.commands import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.clients.conftest import Company

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def trusting(company: Company) -> ssl.SSLContext:
    """As strict as Python can be."""
    context = ssl.create_default_context(cafile=company.authority)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


@pytest.fixture
def client(company: Company, trusting: ssl.SSLContext) -> Iterator[httpx.Client]:
    with httpx.Client(proxy=company.url, verify=trusting, timeout=PATIENCE, trust_env=False) as client:
        yield client


def test_httpx_gets_an_inspected_page_many_times_over_one_tunnel(company: Company, client: httpx.Client) -> None:
    answers = [client.get(company.site.url("www.example")) for _ in range(20)]

    assert {(answer.status_code, answer.text) for answer in answers} == {(200, PAGE)}


def test_httpx_is_refused_inside_a_tunnel_and_goes_on_in_it(company: Company, client: httpx.Client) -> None:
    refused = client.get(company.site.url("www.example", "/secret"))
    allowed = client.get(company.site.url("www.example"))

    assert (refused.status_code, refused.json()["rule"]) == (403, "no-secrets")
    assert refused.headers["wicketgate-decision"] == refused.json()["decision"]
    assert (allowed.status_code, allowed.text) == (200, PAGE)


def test_httpx_is_refused_a_tunnel(company: Company, client: httpx.Client) -> None:
    with pytest.raises(httpx.ProxyError, match="403"):
        client.get(company.site.url("games.example"))


def test_the_first_event_is_there_before_the_second_is_sent(company: Company, client: httpx.Client) -> None:
    company.site.go.clear()
    with client.stream("GET", company.site.url("live.example", "/events")) as answer:
        lines = (line for line in answer.iter_lines() if line)
        first = next(lines)
        company.site.go.set()
        rest = list(lines)

    assert (first, rest) == ("data: first", ["data: second"])


def test_requests_gets_an_inspected_page_and_a_refusal(company: Company) -> None:
    with requests.Session() as session:
        session.trust_env = False
        session.proxies = {"https": company.url}
        session.verify = str(company.authority)
        allowed = session.get(company.site.url("www.example"), timeout=PATIENCE)
        refused = session.get(company.site.url("www.example", "/secret"), timeout=PATIENCE)

    assert (allowed.status_code, allowed.text) == (200, PAGE)
    assert (refused.status_code, refused.json()["reason"]) == (403, "rule-deny")


def test_messages_go_both_ways_over_a_websocket(company: Company, trusting: ssl.SSLContext) -> None:
    url = company.site.url("live.example", "/echo").replace("https", "wss")
    with connect(url, proxy=company.url, ssl=trusting, open_timeout=PATIENCE) as socket:
        answers = []
        for message in ("one", "two" * 20_000):
            socket.send(message)
            answers.append(socket.recv(timeout=PATIENCE))

    assert answers == ["ONE", "TWO" * 20_000]


def test_a_websocket_that_the_policy_denies_is_not_opened(company: Company, trusting: ssl.SSLContext) -> None:
    url = company.site.url("live.example", "/secret/echo").replace("https", "wss")
    with pytest.raises(InvalidStatus) as refused, connect(url, proxy=company.url, ssl=trusting):
        pass

    assert refused.value.response.status_code == 403
    assert refused.value.response.headers["Wicketgate-Decision"]
