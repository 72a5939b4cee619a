from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from addons.serving.control import Refused
from gateway.policy.errors import Malformed
from tests.adapters.serving.orders.asked import asking, written

if TYPE_CHECKING:
    from pathlib import Path

NEW = "http://127.0.0.9:81"


def test_servers_join_change_drain_and_leave_and_each_is_on_record(tmp_path: Path) -> None:
    with asking(tmp_path) as ask:
        (app,) = ask("upstreams")["upstreams"]
        (old,) = (each["url"] for each in app["servers"])
        joined = ask("upstreams.servers", upstream="app", do="add", url=NEW, weight="7")
        drained = ask("upstreams.servers", upstream="app", do="drain", url=old)
        again = ask("upstreams.servers", upstream="app", do="add", url=old)
        left = ask("upstreams.servers", upstream="app", do="remove", url=NEW)

    assert (app["servers"][0]["standing"], app["servers"][0]["in_flight"]) == ("up", 0)
    assert {each["url"]: each["weight"] for each in joined["servers"]} == {old: 1, NEW: 7}
    assert [each["url"] for each in drained["servers"]] == [NEW]
    assert {each["url"] for each in again["servers"]} == {old, NEW}
    assert [each["url"] for each in left["servers"]] == [old]
    assert [(by, what["do"]) for _, by, _, what, _ in written(tmp_path)] == [
        ("somebody", do) for do in ("add", "drain", "add", "remove")
    ]


def test_what_cannot_be_done_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    with asking(tmp_path) as ask:
        before = ask("upstreams")
        (old,) = (each["url"] for each in before["upstreams"][0]["servers"])
        own = f"http://127.0.0.1:{ask.gateway.forward}"
        for said, given in (
            ("say which `upstream` is meant: `app`", {"do": "add", "url": NEW}),
            ("say what to `do`", {"upstream": "app", "do": "explode", "url": NEW}),
            ("is the last server", {"upstream": "app", "do": "remove", "url": old}),
            ("has no server", {"upstream": "app", "do": "remove", "url": NEW}),
            ("is no weight", {"upstream": "app", "do": "add", "url": NEW, "weight": "0"}),
            ("is this gateway itself", {"upstream": "app", "do": "add", "url": own}),
        ):
            with pytest.raises(Refused, match=said):
                ask("upstreams.servers", **given)
        with pytest.raises(Malformed):
            ask("upstreams.servers", upstream="app", do="add", url="ftp://x.example")
        assert ask("upstreams") == before

    assert written(tmp_path) == []
