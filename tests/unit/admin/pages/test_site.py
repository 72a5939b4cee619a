from __future__ import annotations

import re

from gateway.admin.pages.site import pages


def test_every_page_has_its_kind_and_asks_for_nothing_that_is_not_served() -> None:
    found = pages()
    index = found["/"].body.decode()

    assert found["/"].kind == "text/html; charset=utf-8"
    assert set(re.findall(r'(?:src|href)="(/pages/[^"]+)"', index)) <= found.keys()
    assert not re.search(r"<script>|<style>|\son[a-z]+=|style=", index)


def test_scripts_ask_for_scripts_that_are_served_as_such() -> None:
    found = pages()
    scripts = {path: page for path, page in found.items() if path.endswith(".mjs")}
    wanted = {name for page in scripts.values() for name in re.findall(r'from "\./([^"]+)"', page.body.decode())}

    assert {page.kind for page in scripts.values()} == {"text/javascript; charset=utf-8"}
    assert {f"/pages/scripts/{name}" for name in wanted} == scripts.keys() - {"/pages/scripts/main.mjs"}


def test_modules_of_the_process_are_none_of_its_pages() -> None:
    assert not any(path.endswith(".py") or "__" in path for path in pages())
