"""Requests made up at random, each of which can be sent to a gateway and asked of the code that explains."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.policy.analysis.requests import Question
from tests.e2e.wire import get

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

METHODS: Final = ("GET", "GET", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PURGE")
PATHS: Final = (
    "/",
    "/public/a",
    "/private",
    "/private/b",
    "/reports/7",
    "/reports-old",
    "/app/.git/config",
    "/files/setup.exe",
    "/caf%C3%A9",
    "/a;v=1/b",
    "/privates",
    "/x/%zz",
    "/..",
    "/a%00b",
)
FIELDS: Final = (
    ("User-Agent", "curl/8"),
    ("User-Agent", "bad-Bot/1.0"),
    ("X-Role", "reader"),
    ("X-Role", "writer"),
    ("X-Ticket", "T-77"),
    ("Accept", "text/html"),
    ("Cookie", "a=b"),
)
SINGLE: Final = frozenset({"User-Agent", "X-Ticket", "Accept", "Cookie"})
QUERIES: Final = ("", "&token=1", "&q=union+select", "&q=a%20b&q=select", "&%71=select")


@dataclass(frozen=True, slots=True)
class Made:
    """A request: `authority` and `target` as they are written, `destination` where the host leads."""

    mark: str
    method: str
    authority: str
    target: str
    fields: tuple[tuple[str, str], ...]
    size: int
    destination: str

    def bytes(self, *, absolute: bool) -> bytes:
        """What is sent."""
        target = f"http://{self.authority}{self.target}" if absolute else self.target
        lines = (f"{name}: {value}" for name, value in self.fields)
        return get(target, self.authority, *lines, method=self.method, body=b"x" * self.size)

    def question(self) -> Question:
        """What is asked."""
        given: dict[str, tuple[str, ...] | None] = {
            "client.ip": ("127.0.0.1",),
            "destination.ip": (self.destination,),
            "request.size": (str(self.size),),
        }
        for name, value in self.fields:
            key = f"header.{name.lower()}"
            given[key] = (*(given.get(key) or ()), value)
        return Question(url=f"http://{self.authority}{self.target}", method=self.method, given=given)

    def command(self) -> list[str]:
        """The arguments of `wicketgate policy explain` for the same question."""
        fields = [part for name, value in self.fields for part in ("--header", f"{name}: {value}")]
        arguments = ["--method", self.method, "--client", "127.0.0.1", "--destination", self.destination]
        return [*arguments, "--size", str(self.size), *fields, f"http://{self.authority}{self.target}"]


def made_up(seed: int, count: int, hosts: Sequence[tuple[str, str]], ports: Sequence[int]) -> Iterator[Made]:
    """Requests to `hosts`, which are names or addresses with the address where they lead, and to `ports`."""
    chance = random.Random(seed)
    for number in range(count):
        host, destination = chance.choice(hosts)
        port = chance.choice(ports)
        mark = f"n{number}"
        yield Made(
            mark=mark,
            method=chance.choice(METHODS),
            authority=_respelt_host(chance, host) + (f":{port}" if port else ""),
            target=f"{_respelt_path(chance, chance.choice(PATHS))}?{mark}=1{chance.choice(QUERIES)}",
            fields=tuple(_fields(chance)),
            size=chance.choice((0, 0, 0, 10, 4000, 4001, 9000)),
            destination=destination,
        )


def _fields(chance: random.Random) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for name, value in chance.sample(FIELDS, chance.randint(0, 4)):
        if name not in seen or name not in SINGLE:
            seen.add(name)
            yield name, value


def _respelt_host(chance: random.Random, host: str) -> str:
    if host[0].isdigit():
        return chance.choice(_ADDRESSES)(*map(int, host.split(".")))
    return chance.choice((str, str.upper, str.title, "{}.".format))(host)


_ADDRESSES: Final[tuple[Callable[[int, int, int, int], str], ...]] = (
    "{}.{}.{}.{}".format,
    "0x{:x}.{}.0{:o}.{}".format,
    "[::ffff:{}.{}.{}.{}]".format,
    "{}.{}.{}.{}.".format,
    lambda a, b, c, d: str((a << 24) + (b << 16) + (c << 8) + d),
    lambda a, b, c, d: f"{a}.{(b << 16) + (c << 8) + d}",
)


def _respelt_path(chance: random.Random, path: str) -> str:
    if chance.random() < 0.4:
        return path
    written = [f"%{ord(each):02x}" if each.isalpha() and chance.random() < 0.2 else each for each in path]
    text = "".join(written) if "%" not in path else path
    return chance.choice(("", "", "/.", "/x/..", "/x/y/%2e%2e/..", "/;p/..")) + text
