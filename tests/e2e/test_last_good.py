"""Whatever cannot be used when it is read again: what was in force stays, and that is said wherever anybody may look.

A start is stricter, except for lists: there is no gateway with a policy, a certificate or a configuration that nobody
can use, and its last words say where the mistake is. Asked to, it goes on with what was in force last.
"""

from __future__ import annotations

import json
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import httpx
import pytest

from gateway.cli import metrics, status
from gateway.cli.ordering import ordered
from gateway.control.channel import Order
from tests.e2e import commands
from tests.e2e.certificates import Certified, Wish, authority
from tests.e2e.commands import COMMAND, PATIENCE, accepts, free_port, until
from tests.e2e.gateway import Gateway, gateway
from tests.e2e.origin import trusting
from tests.e2e.origins import shop
from tests.e2e.wire import Wire, connect, get

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

HOST: Final = "shop.example"
POLICY: Final = """\
version: 1
name: shop
default: {action: allow}
lists: {bad: {type: domain, match: is, file: bad.txt, guard: {min_entries: 2}}}
rules: [{id: no-office, action: deny, reason: Not from outside, when: {path: {prefix: [/office]}}}]
"""


@dataclass(frozen=True, slots=True)
class Broken:
    """A file, what is written into it, and what has to be said of it: `part` in the status, `event` in the audit log.

    `starts` says whether there is a start with it.
    """

    file: str
    content: str
    part: str
    event: str
    outcome: str
    why: str
    said: str
    starts: bool = False


KEPT: Final = (
    Broken(
        *("reverse.yaml", POLICY.replace("default", "defalt"), "policy", "policy", "refused"),
        *("unknown key `defalt`", "the new policy is refused, the old one stays in force"),
    ),
    Broken(
        *("bad.txt", "one.example\n", "list", "list", "kept"),
        *("`min_entries` is 2", "stays in force"),
        starts=True,
    ),
    Broken(
        *("shop.pem", "no certificate\n", "certificates", "certificates", "refused"),
        *("shop.pem", "the new certificates are refused, the old ones stay in force"),
    ),
    Broken(
        *("trust.pem", "no certificate\n", "trust", "trust", "refused"),
        *("trust.pem", "upstream_tls: the files could not be read again, those from before stay in force"),
    ),
    Broken(
        *("wicketgate.yaml", "UPSTREAMS", "configuration", "configuration", "refused"),
        *(
            "did you mean `round_robin`?",
            "the configuration is refused, routes and upstreams from before stay in force",
        ),
    ),
    Broken(
        *("wicketgate.yaml", "version: 1\nlisteners: [\n", "configuration", "configuration", "refused"),
        *("wicketgate.yaml", "the configuration is refused, routes and upstreams from before stay in force"),
    ),
)
IDS: Final = ("policy", "list", "certificate", "trust", "upstreams", "configuration")


@dataclass(slots=True)
class Shop:
    """A gateway that speaks TLS, its admin side, and who vouches for it."""

    proxy: Gateway
    admin: int
    root: Certified

    def fates(self) -> tuple[int, int]:
        """The statuses of what its policy allows and denies, over TLS with the certificate of its start."""
        context, statuses = trusting(self.proxy.folder / "root.pem"), list[int]()
        for path in ("/", "/office"):
            with (
                connect(self.proxy.reverse).socket as plain,
                Wire(context.wrap_socket(plain, server_hostname=HOST)) as wire,
            ):
                statuses.append(wire.ask(get(path, HOST)).status)
        return statuses[0], statuses[1]

    def told(self) -> dict[str, Any]:
        """What the admin API says."""
        token = (self.proxy.state / "admin-token").read_text("ascii").strip()
        url, bearer = f"http://127.0.0.1:{self.admin}/api/v1/status", {"Authorization": f"Bearer {token}"}
        found: dict[str, Any] = httpx.get(url, headers=bearer, trust_env=False, timeout=PATIENCE).json()
        return found


def _configuration(folder: Path, admin: int, server: int, **more: Any) -> dict[str, Any]:
    """The keys of a configuration that the harness does not write itself."""
    pair = {"certificate": str(folder / "shop.pem"), "key": str(folder / "shop.pem")}
    return {
        "admin": {"bind": f"127.0.0.1:{admin}"},
        "reload": {"watch": False},
        "upstream_tls": {"trust": [str(folder / "trust.pem")]},
        "upstreams": {"app": {"servers": [{"url": f"http://127.0.0.1:{server}"}], **more}},
        "tls": {"certificates": [pair]},
    }


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder, root, admin = tmp_path_factory.mktemp("shop"), authority(), free_port()
    for name in ("root.pem", "trust.pem"):
        (folder / name).write_bytes(root.pem)
    (folder / "shop.pem").write_bytes(root.signs(Wish(names=(HOST,))).whole)
    (folder / "shop.pem").chmod(0o640)
    (folder / "bad.txt").write_text("one.example\ntwo.example\n", encoding="utf-8")
    with shop() as server:
        settings = _configuration(folder, admin, server)
        tls, upstreams = settings.pop("tls"), settings.pop("upstreams")
        urls = [each["url"] for each in upstreams["app"]["servers"]]
        with gateway(folder, reverse=POLICY, upstreams=urls, settings=settings, listener={"tls": tls}) as proxy:
            until(lambda: accepts(admin), "the admin side never answered")
            yield Shop(proxy, admin, root)


def _broken(each: Broken, before: str) -> str:
    if each.content != "UPSTREAMS":
        return each.content
    configuration = json.loads(before)
    configuration["upstreams"]["app"]["balance"] = "roundrobin"
    return json.dumps(configuration)


def _said(proxy: Gateway, capsys: pytest.CaptureFixture[str], verb: Any) -> str:
    capsys.readouterr()
    verb(["--state", str(proxy.state)])
    return capsys.readouterr().out


@pytest.mark.parametrize("each", KEPT, ids=IDS)
def test_what_cannot_be_used_replaces_nothing_and_is_said_everywhere(
    each: Broken, running: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    proxy, file = running.proxy, running.proxy.folder / each.file
    before, heard = file.read_text("utf-8"), len(proxy.process.err)
    known = len(_records(proxy, each))
    file.write_text(_broken(each, before), encoding="utf-8")
    try:
        ordered(proxy.state, Order("reload"))
        assert running.fates() == (200, 403)
        page, told = _said(proxy, capsys, status.main), running.told()
        numbers = _said(proxy, capsys, metrics.main)
        until(lambda: len(_records(proxy, each)) > known, "it was never recorded")
        until(lambda: any(each.said in line for line in proxy.process.err[heard:]), "it was never said")
    finally:
        file.write_text(before, encoding="utf-8")
    well = ordered(proxy.state, Order("reload"))

    (kept,) = [part for part in told["reloads"]["parts"] if part["state"] == "kept"]
    assert kept["what"] == each.part
    assert each.why in "".join(kept["problems"])
    assert f"  KEPT         {each.part}" in page
    assert any(each.why in line for line in page.splitlines() if "KEPT" in line)
    assert any(
        line.startswith("wicketgate_reloads_total{")
        and f'outcome="{each.outcome}"' in line
        and f'what="{each.event}"' in line
        for line in numbers.splitlines()
    )
    record = _records(proxy, each)[-1]
    assert (record["cause"], each.why in "".join(record["problems"])) == ("order", True)
    assert well["kept"] == 0


def _records(proxy: Gateway, each: Broken) -> list[dict[str, Any]]:
    return [
        record for record in proxy.records() if (record["event"], record.get("outcome")) == (each.event, each.outcome)
    ]


def _folder(running: Shop, folder: Path) -> None:
    """Everything that the gateway runs with, in a folder of its own and on other ports."""
    for name in ("reverse.yaml", "bad.txt", "shop.pem", "trust.pem", "root.pem"):
        (folder / name).write_bytes((running.proxy.folder / name).read_bytes())
    (folder / "shop.pem").chmod(0o640)
    settings = json.loads((running.proxy.folder / "wicketgate.yaml").read_text("utf-8"))
    server = settings["upstreams"]["app"]["servers"][0]["url"].rpartition(":")[2]
    settings |= _configuration(folder, free_port(), int(server), balance="round_robin")
    settings["listeners"][0] |= {"bind": f"127.0.0.1:{free_port()}", "tls": settings.pop("tls")}
    (folder / "wicketgate.yaml").write_text(json.dumps(settings), encoding="utf-8")


def _break(each: Broken, folder: Path) -> str:
    before = (folder / each.file).read_text("utf-8")
    (folder / each.file).write_text(_broken(each, before), encoding="utf-8")
    return before


@pytest.mark.parametrize("each", KEPT, ids=IDS)
def test_a_start_says_where_the_mistake_is_and_only_a_list_has_a_last_good_copy(
    each: Broken, running: Shop, tmp_path: Path
) -> None:
    """The state is that of the good run, copied: a gateway has its state folder for itself."""
    _folder(running, tmp_path)
    (tmp_path / "state").mkdir(mode=0o700)
    subprocess.run(["cp", "-rp", str(running.proxy.state / "lists"), str(tmp_path / "state")], check=True)
    _break(each, tmp_path)

    command = [COMMAND, "run", "--config", "wicketgate.yaml"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = ""
        for line in process.stderr:
            said += line
            if "ready: " in line:
                process.terminate()
        ended = process.wait(PATIENCE)

    assert ("ready: " in said, ended == 0) == (each.starts, each.starts), said
    assert each.why in said
    assert "Traceback" not in said


@contextmanager
def started(folder: Path, reverse: int, *more: str) -> Iterator[Shop]:
    """The gateway of a folder, as an operator starts it."""
    with commands.running("run", "--config", "wicketgate.yaml", *more, cwd=folder) as process:
        yield Shop(Gateway(process, folder, 0, reverse), 0, authority())


@pytest.mark.parametrize("each", KEPT, ids=IDS)
def test_asked_to_a_start_goes_on_with_what_was_in_force_last_and_says_so_everywhere(
    each: Broken, running: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _folder(running, tmp_path)
    good = (tmp_path / "wicketgate.yaml").read_text("utf-8")
    reverse = int(json.loads(good)["listeners"][0]["bind"].rpartition(":")[2])
    with started(tmp_path, reverse) as first:
        until((first.proxy.state / "last-good" / "current").exists, "nothing was ever kept")
        assert first.fates() == (200, 403)
    before = _break(each, tmp_path)
    with started(tmp_path, reverse, "--last-good", "--state", "state") as again:
        proxy = again.proxy
        assert again.fates() == (200, 403)
        told, page = ordered(proxy.state, Order("status")), _said(proxy, capsys, status.main)
        numbers = _said(proxy, capsys, metrics.main)
        (tmp_path / each.file).write_text(before, encoding="utf-8")
        well = ordered(proxy.state, Order("reload"))
        after = ordered(proxy.state, Order("status"))
        said = "".join(proxy.process.err)
        recorded = [each for each in proxy.records() if each["event"] == "configuration" and each["outcome"] == "kept"]

    kept = {part["what"] for part in told["reloads"]["parts"] if part["state"] == "kept"}
    if each.starts:
        assert (kept, recorded) == ({each.part}, [])
    else:
        assert kept == {"policy", "certificates", "trust", "configuration"}
        assert "THE GATEWAY STARTS WITH WHAT WAS IN FORCE LAST" in said
        [record] = recorded
        assert (record["cause"], each.why in "".join(record["problems"])) == ("start", True)
        assert 'wicketgate_reloads_total{listener="",outcome="kept",what="configuration"} 1' in numbers
    assert each.why in said
    assert any(each.why in line for line in page.splitlines() if "KEPT" in line)
    assert (well["kept"], [part["state"] for part in after["reloads"]["parts"]].count("kept")) == (0, 0)


def test_of_a_set_that_is_not_as_it_was_kept_nothing_is_used(running: Shop, tmp_path: Path) -> None:
    _folder(running, tmp_path)
    reverse = int(
        json.loads((tmp_path / "wicketgate.yaml").read_text("utf-8"))["listeners"][0]["bind"].rpartition(":")[2]
    )
    with started(tmp_path, reverse) as first:
        kept = first.proxy.state / "last-good" / "current"
        until(kept.exists, "nothing was ever kept")
    [copy] = kept.rglob("reverse.yaml")
    copy.write_text(POLICY.replace("deny", "allow"), encoding="utf-8")
    (tmp_path / "reverse.yaml").write_text("no policy", encoding="utf-8")

    ended = subprocess.run(
        [COMMAND, "run", "--config", "wicketgate.yaml", "--last-good"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )

    assert ended.returncode == 2
    assert f"what was in force last cannot be used either: the copy of `{tmp_path}/reverse.yaml`" in ended.stderr


def test_a_strict_start_names_the_way_out_and_the_configuration_can_choose_the_other(
    running: Shop, tmp_path: Path
) -> None:
    _folder(running, tmp_path)
    file = tmp_path / "wicketgate.yaml"
    settings = json.loads(file.read_text("utf-8"))
    reverse = int(settings["listeners"][0]["bind"].rpartition(":")[2])
    with started(tmp_path, reverse) as first:
        until((first.proxy.state / "last-good" / "current").exists, "nothing was ever kept")
    (tmp_path / "shop.pem").write_text("no certificate\n", encoding="utf-8")

    ended = subprocess.run(
        [COMMAND, "run", "--config", "wicketgate.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    file.write_text(json.dumps(settings | {"reload": {"watch": False, "start": "last-good"}}), encoding="utf-8")
    with started(tmp_path, reverse) as again:
        fates = again.fates()

    assert ended.returncode == 2
    assert "`wicketgate run --last-good --config wicketgate.yaml`" in ended.stderr
    assert fates == (200, 403)
