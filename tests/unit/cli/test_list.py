from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from gateway.cli.list import main
from gateway.cli.outcome import Unusable
from tests.unit.cli.test_list_files import CONFIGURATION, POLICY
from tests.unit.cli.test_ordering import saying

if TYPE_CHECKING:
    from pathlib import Path

    Out = pytest.CaptureFixture[str]


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    (tmp_path / "p.yaml").write_text(
        POLICY.replace(", gone: {type: domain, file: gone.txt, match: is}", "").replace(', "@gone"', "")
    )
    (tmp_path / "wicketgate.yaml").write_text(CONFIGURATION)
    (tmp_path / "ads.txt").write_text("# names\nads.example\n")
    return tmp_path / "p.yaml"


def told(folder: Path, came: dict[str, Any], *words: str) -> int:
    """The exit code of a verb that a gateway answers so."""
    thread = saying(folder, json.dumps({"done": came}).encode() + b"\n")
    code = main([*words, "--state", str(folder)])
    thread.join()
    return code


def row(**other: Any) -> dict[str, Any]:
    """What a gateway tells of a list that is well."""
    well = {"listener": "egress", "name": "ads", "type": "domain", "source": "ads.txt", "entries": 2, "memory": 16}
    more = {"digest": "sha256:0123456789abcdef", "age": 90.0, "stale": False, "fell_back": False, "unfetched": None}
    return {**well, **more, "used_by": ["no-ads"], "problems": [], **other}


def test_a_lookup_says_the_list_the_entry_its_line_and_its_rules(policy: Path, capsys: Out) -> None:
    assert main(["lookup", "WWW.ads.example", "--policy", str(policy)]) == 0
    assert capsys.readouterr().out == (
        f"{policy}: @ads holds www.ads.example by its entry ads.example\n"
        f"  at       {policy.parent / 'ads.txt'}:2\n  from     ads.txt\n  used by  no-ads\n"
    )


def test_who_is_on_no_list_is_a_finding(policy: Path, capsys: Out) -> None:
    assert main(["lookup", "192.0.2.1", "--config", str(policy.with_name("wicketgate.yaml"))]) == 1
    assert capsys.readouterr().out == "192.0.2.1 is on no list; 1 was looked at\n"


def test_where_a_list_cannot_be_read_nobody_can_say_who_is_on_none(policy: Path, capsys: Out) -> None:
    policy.write_text(POLICY)

    assert main(["lookup", "other.example", "--policy", str(policy)]) == 3
    assert "file `gone.txt` is missing" in capsys.readouterr().out


def test_what_is_no_host_is_not_looked_up(policy: Path) -> None:
    with pytest.raises(Unusable, match="it is a name or an address that is looked up"):
        main(["lookup", "no host", "--policy", str(policy)])


@pytest.mark.parametrize(("digest", "line"), [(None, None), ("sha256:00", None)])
def test_a_file_that_has_changed_since_gives_no_line(
    digest: str | None, line: int | None, policy: Path, capsys: Out
) -> None:
    held: dict[str, Any] = {
        "listener": "egress",
        "name": "ads",
        "type": "domain",
        "format": None,
        "match": "is",
        "used_by": [],
    }
    where = {"entry": "ads.example", "source": "ads.txt", "file": str(policy.parent / "ads.txt"), "line": line}
    came = {"subject": "ads.example", "found": [held | where | {"digest": digest}], "looked_at": 1}

    assert told(policy.parent, came, "lookup", "ads.example") == 0
    assert f"  at       {policy.parent / 'ads.txt'}\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("code", "said", "rows"),
    [
        (0, "2 entries in 0.0 kB, sha256:0123456789ab, 1 min old", [row()]),
        (1, "1 min old (STALE)", [row(stale=True)]),
        (
            1,
            "1 min old, THE LAST GOOD COPY\n  used by  no-ads\n  is missing",
            [row(fell_back=True, problems=["is missing"])],
        ),
        (1, "1 min old, NOTHING NEWER CAME", [row(unfetched={"why": "answered 503", "since": "2026"})]),
        (0, "1 min old\n", [{key: value for key, value in row().items() if key != "unfetched"}]),
        (1, "NOTHING IN FORCE", [row(digest=None, age=None)]),
        (0, "2,000,000 entries in 16.0 MB", [row(entries=2_000_000, memory=16_000_000)]),
        (0, "used by  nothing", [row(used_by=[])]),
        (0, "there are no lists", []),
    ],
)
def test_stats_say_how_each_list_is_and_one_that_is_unwell_is_a_finding(
    code: int, said: str, rows: list[dict[str, Any]], tmp_path: Path, capsys: Out
) -> None:
    assert told(tmp_path, {"lists": rows}, "stats") == code
    assert said in capsys.readouterr().out


LISTS = [{"listener": "egress", "name": "ads"}, {"listener": "shop", "name": "ads"}]
KEPT = {"what": "list", "state": "kept", "listener": "egress", "name": "ads", "problems": ["it shrank"], "notices": []}


def fetched(came: str, why: str = "", *parts: dict[str, Any]) -> dict[str, Any]:
    """What a gateway says that fetched one list."""
    one = {"url": "https://l.example/a", "lists": LISTS, "came": came, "why": why}
    return {"fetched": [one], "kept": len(parts), "parts": parts}


@pytest.mark.parametrize(
    ("code", "said", "came"),
    [
        (0, "egress: @ads, shop: @ads was fetched\n  from https://l.example/a\n", fetched("fetched")),
        (0, "egress: @ads, shop: @ads has not changed\n", fetched("unchanged")),
        (1, "egress: @ads, shop: @ads FAILED, it answered 503\n", fetched("failed", "answered 503")),
        (1, "list egress ads: REFUSED, what was in force stays\n  it shrank\n", fetched("fetched", "", KEPT)),
    ],
)
def test_a_refresh_says_what_came_of_each_list(
    code: int, said: str, came: dict[str, Any], tmp_path: Path, capsys: Out
) -> None:
    assert told(tmp_path, came, "refresh") == code
    assert said in capsys.readouterr().out


def test_a_refresh_of_nothing_says_so(tmp_path: Path, capsys: Out) -> None:
    assert told(tmp_path, {"fetched": [], "kept": 0, "parts": []}, "refresh") == 0
    assert capsys.readouterr().out == "no list has a `url`: there is nothing to fetch\n"


def test_without_a_gateway_a_refresh_says_what_the_files_would_be_good_for(policy: Path, capsys: Out) -> None:
    configuration = str(policy.with_name("wicketgate.yaml"))

    assert main(["refresh", "--config", configuration]) == 0
    assert "nothing was fetched; as the files are:\negress: @ads (domain) from ads.txt" in capsys.readouterr().out
    (policy.parent / "ads.txt").unlink()
    assert main(["refresh", "--config", configuration]) == 1


@pytest.mark.parametrize("words", [["stats"], ["lookup", "ads.example"], ["refresh"]])
def test_without_a_gateway_and_without_files_the_way_out_is_told(words: list[str], tmp_path: Path) -> None:
    with pytest.raises(Unusable, match=r"no gateway is at work in .*; `--config` asks the files of a configuration"):
        main([*words, "--state", str(tmp_path)])


def test_programs_are_answered_in_json(policy: Path, capsys: Out) -> None:
    assert main(["stats", "--policy", str(policy), "--format", "json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)["lists"]
    assert (one["name"], one["entries"], one["memory"], one["used_by"]) == ("ads", 1, 8, ["no-ads"])
