"""A fault of the gateway itself on one stream of several: that one ends, is recorded, and reaches nobody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.e2e.commands import until
from tests.e2e.h2stage import Stage, staged
from tests.e2e.h2wire import asking

if TYPE_CHECKING:
    from pathlib import Path

    from mitmproxy.http import HTTPFlow

pytestmark = pytest.mark.e2e


@dataclass
class Breaking:
    """Raises in one hook for one path."""

    place: str

    def _break(self, place: str, flow: HTTPFlow) -> None:
        if place == self.place and flow.request.path == "/broken":
            raise RuntimeError("a fault")

    def requestheaders(self, flow: HTTPFlow) -> None:
        """The head of a request."""
        self._break("requestheaders", flow)

    def request(self, flow: HTTPFlow) -> None:
        """The end of a request."""
        self._break("request", flow)

    def responseheaders(self, flow: HTTPFlow) -> None:
        """The head of an answer."""
        self._break("responseheaders", flow)

    def response(self, flow: HTTPFlow) -> None:
        """The end of an answer."""
        self._break("response", flow)


@pytest.mark.parametrize("h2", [False, True], ids=["h1-origin", "h2-origin"])
@pytest.mark.parametrize("place", ["requestheaders", "request", "responseheaders", "response"])
def test_a_hook_that_fails_ends_its_stream_alone(place: str, tmp_path: Path, *, h2: bool) -> None:
    with staged(tmp_path, first=(Breaking(place),)) as stage:
        with stage.talk(h2=h2) as talk:
            number = talk.head(asking(stage.host(h2=h2), "/broken", method="POST"), end=False)
            talk.data(number, b"abc", end=True)
            other = talk.head(asking(stage.host(h2=h2), "/fine"))
            broken, fine = talk.whole(number), talk.whole(other)
            after = talk.whole(talk.head(asking(stage.host(h2=h2), "/after")))
        until(lambda: _ends(stage) == 3, "the records never came")
        said = [each.get("reason") or each.get("decision", {}).get("reason") for each in stage.gateway.records()]

    assert (fine.status, after.status) == (200, 200)
    assert not (broken.whole and broken.status == 200)
    assert broken.status == (500 if place == "requestheaders" else broken.status)
    assert "internal-error" in said
    assert stage.failures == [(place, "RuntimeError")]
    if place == "requestheaders":
        assert b"/broken" not in b"".join(bytes(visit.data) for visit in stage.h1.visits)
        assert "/broken" not in [message.get(":path") for message in stage.h2.messages]


def _ends(stage: Stage) -> int:
    return sum(each["event"] == "end" for each in stage.gateway.records())
