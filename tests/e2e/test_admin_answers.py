"""What a real gateway answers is what its description says, key by key: with one process, and with several workers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from jsonschema import Draft202012Validator

from tests.e2e.commands import free_port, until
from tests.e2e.looked_after import looked_after

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

pytestmark = pytest.mark.e2e
ASKED: Final = ("status", "policies", "lists", "upstreams", "limits", "cache", "decisions", "figures", "session")
HELD: Final = b"GET http://ads.example/ HTTP/1.1\r\nHost: ads.example\r\nConnection: close\r\n\r\n"


def faults(told: dict[str, Any], method: str, path: str, answer: httpx.Response) -> list[str]:
    """Where an answer is not what the description says."""
    said = told["paths"][path][method]["responses"][str(answer.status_code)]["content"]
    (schema,) = (each["schema"] for kind, each in said.items() if answer.headers["content-type"].startswith(kind))
    validator = Draft202012Validator({**schema, "components": told["components"]})
    return [f"{path} {each.json_path}: {each.message}" for each in validator.iter_errors(answer.json())]


@pytest.mark.parametrize("workers", [1, 2])
def test_every_answer_has_the_keys_that_the_description_names(workers: int, tmp_path: Path) -> None:
    with looked_after(tmp_path, {"workers": workers}) as side, side.client() as client:
        assert side.visit("/items/1") == 200
        with side.gateway.through() as wire:
            refused = wire.ask(HELD).decision
        until(lambda: client.get(f"/api/v1/decisions/{refused}").json().get("end"), "the end never came")
        told, found = client.get("/openapi.json").json(), list[str]()
        for name in ASKED:
            found += faults(told, "get", f"/api/v1/{name}", client.get(f"/api/v1/{name}"))
        for path in ("/healthz", "/readyz"):
            found += faults(told, "get", path, client.get(path))
        for path in ("/api/v1/decisions/{decision_id}", "/api/v1/decisions/{decision_id}/story"):
            found += faults(told, "get", path, client.get(path.format(decision_id=refused)))
        bodies: dict[str, Any] = {"explain": {"url": "http://listed.example/", "listener": "egress"}, "reload": None}
        bodies |= {"lists/refresh": None, "cache/purge": {"scope": "all"}}
        for name, body in bodies.items():
            found += faults(told, "post", f"/api/v1/{name}", client.post(f"/api/v1/{name}", json=body))
        servers, new = "/api/v1/upstreams/{name}/servers", f"http://127.0.0.1:{free_port()}"
        found += faults(told, "put", servers, client.put(servers.format(name="app"), json={"url": new}))
        found += faults(told, "delete", servers, client.delete(servers.format(name="app"), params={"url": new}))
        purged = [each for each in side.gateway.records() if each.get("order") == "cache.purge"]
        found += faults(told, "post", "/api/v1/drain", client.post("/api/v1/drain", json={"seconds": 0}))
        until(lambda: side.gateway.process.process.poll() is not None, "it never ended")

    assert found == []
    assert {each["by"] for each in purged} == {"admin-api token from 127.0.0.1"}
