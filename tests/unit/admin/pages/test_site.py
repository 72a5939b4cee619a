from __future__ import annotations

import re

from gateway.admin.pages.site import pages


def test_every_page_has_its_kind_and_asks_for_nothing_that_is_not_served() -> None:
    found = pages()
    index = found["/"].body.decode()

    assert found["/"].kind == "text/html; charset=utf-8"
    assert set(re.findall(r'(?:src|href)="([^"]+)"', index)) <= found.keys()
    assert not re.search(r"<script>|<style>|\son[a-z]+=|style=", index)
