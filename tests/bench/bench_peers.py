"""The reverse gateway beside mitmdump, nginx and HAProxy: the same origin, one run, loaded in turns.

    python -m tests.bench.bench_peers [--rounds N] [--seconds N] [--json]

Every one has one process and one thread, keeps its connections to the origin, and is asked by 32 clients that keep
theirs. `cached` is the same with a cache: the page says that it may be kept for an hour, so the origin is asked once.
The gateway has the shipped policy `api` (the rate per client set very high) and its audit log, and the run fails if a
request is missing in it; nginx and HAProxy decide nothing and write nothing down. mitmdump has no cache.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.request import urlopen

from tests.bench.bench_reverse import bench_policy, mitmdump
from tests.bench.load import Wrong, missing, origin, program, serving
from tests.bench.subjects import HEADING, Measured, Subject, in_turns, lines, see_the_logs
from tests.e2e.commands import COMMAND, free_port

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_WICKETGATE: Final = """
version: 1
state: state
listeners:
  - {{name: shop, mode: reverse, bind: "127.0.0.1:{port}", policy: api.yaml, routes: [{{upstream: app{cache}}}]}}
upstreams:
  app: {{servers: [{{url: "http://127.0.0.1:{behind}"}}]}}
"""
_NGINX: Final = """
daemon off; master_process off; worker_processes 1; pid nginx.pid; error_log stderr crit;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 600s;
  client_body_temp_path body; proxy_temp_path proxy;
  fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  proxy_cache_path kept keys_zone=kept:10m;
  upstream app {{ server 127.0.0.1:{behind}; keepalive 32; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; {cache} }}
  }}
}}
"""
_HAPROXY: Final = """
global
  nbthread 1
  maxconn 2000
cache kept
  total-max-size 16
  max-age 3600
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend shop
  bind 127.0.0.1:{port}
  default_backend app
backend app
  {cache}
  server one 127.0.0.1:{behind}
"""


def compare(rounds: int, seconds: int) -> dict[str, Measured]:
    """Load all of them in turns, each without a cache and, where it has one, with it."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as running:
        folder = Path(name)
        behind = running.enter_context(origin(folder / "origin", lasting=True))
        subjects = {"origin alone": Subject(behind), "mitmdump": mitmdump(folder, behind, running)}
        for caching in (False, True):
            suffix = ", cached" if caching else ""
            place = folder / ("cached" if caching else "plain")
            place.mkdir()
            subjects[f"wicketgate{suffix}"] = _gateway(place, behind, running, caching=caching)
            subjects[f"nginx{suffix}"] = _nginx(place, behind, running, caching=caching)
            subjects[f"haproxy{suffix}"] = _haproxy(place, behind, running, caching=caching)
        done = in_turns(subjects, rounds, seconds)
        _see_a_hit(subjects["wicketgate, cached"])
        running.close()
        see_the_logs(subjects, done.answers)
        return done.medians


def _gateway(folder: Path, behind: int, running: ExitStack, *, caching: bool) -> Subject:
    port = free_port()
    bench_policy(folder)
    cache = ", cache: {enabled: true}" if caching else ""
    (folder / "gateway.yaml").write_text(_WICKETGATE.format(port=port, behind=behind, cache=cache), encoding="utf-8")
    command = [COMMAND, "run", "--config", str(folder / "gateway.yaml")]
    return Subject(port, running.enter_context(serving(command, port)), folder / "state" / "audit")


def _nginx(folder: Path, behind: int, running: ExitStack, *, caching: bool) -> Subject:
    port = free_port()
    cache = "proxy_cache kept;" if caching else ""
    (folder / "nginx.conf").write_text(_NGINX.format(port=port, behind=behind, cache=cache), encoding="utf-8")
    command = [str(program("nginx")), "-p", f"{folder}/", "-c", "nginx.conf", "-e", "stderr"]
    return Subject(port, running.enter_context(serving(command, port)))


def _haproxy(folder: Path, behind: int, running: ExitStack, *, caching: bool) -> Subject:
    port = free_port()
    cache = "http-request cache-use kept\n  http-response cache-store kept" if caching else ""
    (folder / "haproxy.cfg").write_text(_HAPROXY.format(port=port, behind=behind, cache=cache), encoding="utf-8")
    command = [str(program("haproxy")), "-q", "-db", "-f", str(folder / "haproxy.cfg")]
    return Subject(port, running.enter_context(serving(command, port)))


def _see_a_hit(subject: Subject) -> None:
    """Raise Wrong if the gateway's cache is not what answers."""
    with urlopen(f"http://127.0.0.1:{subject.port}/", timeout=10) as answer:
        said = answer.headers.get("Cache-Status", "")
    if "; hit" not in said:
        raise Wrong(f"the gateway did not answer from its cache: {said or 'no Cache-Status'}")


def ratios(result: Mapping[str, Measured]) -> dict[str, float]:
    """Requests per second of the gateway as multiples of what each of the others does in the same way."""
    return {
        f"{name}{suffix}": round(result[f"wicketgate{suffix}"].rate / result[f"{name}{suffix}"].rate, 3)
        for suffix in ("", ", cached")
        for name in ("mitmdump", "nginx", "haproxy")
        if f"{name}{suffix}" in result
    }


def table(result: Mapping[str, Measured]) -> str:
    """The result in Markdown."""
    said = (f"wicketgate / {name}: {times}" for name, times in ratios(result).items())
    return "\n".join([HEADING, *lines(result), "", *said])


def main(argv: Sequence[str] | None = None) -> int:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(argv)
    if why := missing("haproxy"):
        sys.stderr.write(f"skipped: {why}\n")
        return 0
    result = compare(asked.rounds, asked.seconds)
    text = {name: asdict(each) for name, each in result.items()}
    said = json.dumps({**text, "ratios": ratios(result)}) if asked.json else table(result)
    sys.stdout.write(f"{said}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
