"""Settings of a set that was kept: read from it alone, and pointed at its copies."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from gateway.config.load import load_settings
from gateway.control.inforce import Keeper, read_set
from gateway.control.returning import located, part_name, returned
from gateway.policy.errors import Malformed

if TYPE_CHECKING:
    from pathlib import Path

_TEXT = """\
version: 1
listeners:
  - {name: shop, mode: reverse, bind: 127.0.0.1:8443, policy: shop.yaml, tls: {certificates: [{certificate: shop.pem,
     key: shop.key}]}, routes: [{respond: {status: 503, file: closed.txt}}]}
upstream_tls: {trust: [roots.pem]}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration of which a set was kept, and whose files are all broken since."""
    texts = {"wicketgate.yaml": _TEXT, "shop.yaml": "p", "shop.pem": "c", "shop.key": "k", "roots.pem": "r"}
    for name, text in {**texts, "closed.txt": "closed"}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    names = {
        "policy:shop": ("shop.yaml",),
        "certificates:shop": ("shop.pem", "shop.key"),
        "trust": ("roots.pem",),
        "configuration": ("wicketgate.yaml", "closed.txt"),
    }
    files = {part: [tmp_path / each for each in named] for part, named in names.items()}
    (tmp_path / "state").mkdir()
    Keeper(tmp_path / "state").keep(files, dict.fromkeys(files, time.time() + 60), 3.0)
    for each in {*texts, "closed.txt"}:
        (tmp_path / each).write_text("broken", encoding="utf-8")
    return tmp_path / "wicketgate.yaml"


def test_everything_comes_from_the_set_and_files_are_named_where_they_are(file: Path) -> None:
    found = returned(file.parent / "state", file, ("it is broken",))

    [listener] = found.settings.listeners
    assert (listener.policy, found.because, found.kept.since) == (file.parent / "shop.yaml", ("it is broken",), 3.0)
    assert getattr(listener.routes[0].answer, "body", None) == b"closed"
    assert found.settings.written is not None
    assert found.settings.written.digest == found.kept.parts["configuration"][str(file)]


def test_readers_are_pointed_at_the_copies(file: Path) -> None:
    found = returned(file.parent / "state", file, ())

    settings = located(found.settings, found.kept)

    [listener] = settings.listeners
    assert listener.tls is not None
    [shown] = listener.tls.certificates
    copies = (listener.policy, shown.certificate, shown.key, *settings.upstream_tls.trust)
    assert [each.read_text("utf-8") for each in copies] == ["p", "c", "k", "r"]


def test_a_set_without_a_listener_or_a_file_is_not_for_these_settings(file: Path) -> None:
    kept = read_set(file.parent / "state")
    assert kept is not None
    for old, new, says in (
        ("name: shop", "name: other", "no policy of `other`"),
        ("shop.key", "other.key", "no `.*other.key`"),
    ):
        file.write_text(_TEXT.replace(old, new), encoding="utf-8")
        with pytest.raises(Malformed, match=says):
            located(load_settings(file), kept)


def test_there_is_nothing_to_return_to_before_anything_was_kept_nor_for_another_configuration(file: Path) -> None:
    with pytest.raises(Malformed, match="nothing was ever kept"):
        returned(file.parent, file, ())
    with pytest.raises(Malformed, match=r"it has no `.*other.yaml`"):
        returned(file.parent / "state", file.with_name("other.yaml"), ())


def test_parts_are_named_by_what_they_are_and_whose() -> None:
    assert (part_name("trust", None), part_name("policy", "shop")) == ("trust", "policy:shop")
