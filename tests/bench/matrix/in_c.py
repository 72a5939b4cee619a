"""Peers in C: Squid, tinyproxy, nginx, HAProxy. Each has one process that serves, and none writes a log of access."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Final

from tests.bench.load import program
from tests.bench.matrix.known import BLOCKED
from tests.bench.matrix.places import Place, Target
from tests.e2e.commands import free_port

if TYPE_CHECKING:
    from pathlib import Path

CERTIFICATES: Final = "/usr/lib/squid/security_file_certgen"
"""What makes certificates for Squid."""

_SQUID: Final = """
visible_hostname squid.example
acl blocked dstdomain {blocked}
http_access deny blocked
http_access allow all
{more}
pid_filename none
coredump_dir {folder}
access_log none
cache_log /dev/null
max_filedescriptors 16384
client_db off
shutdown_lifetime 0 seconds
"""
_UNCACHED: Final = "cache deny all\ncache_mem 8 MB"
_TINYPROXY: Final = """
Listen 127.0.0.1
Port {port}
Timeout 60
MaxClients 4000
LogLevel Critical
PidFile "{folder}/pid"
LogFile "{folder}/log"
Allow 127.0.0.1
DisableViaHeader Yes
{more}
"""
_NGINX: Final = """
daemon off; master_process off; worker_processes 1; worker_rlimit_nofile 16384; pid nginx.pid; error_log stderr crit;
events {{ worker_connections 16384; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 600s;
  client_body_temp_path body; proxy_temp_path proxy;
  fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  proxy_cache_path kept keys_zone=kept:10m;
  ssl_certificate {identity}; ssl_certificate_key {identity};
  map $http_upgrade $connection_upgrade {{ default upgrade; "" ""; }}
  upstream app {{ server 127.0.0.1:{plain}; keepalive 256; keepalive_requests 100000000; }}
  upstream live {{ server 127.0.0.1:{live}; }}
  proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;
  server {{
    listen 127.0.0.1:{port} {how} backlog=4096;
    location / {{ proxy_pass http://app; {cache} }}
    location /live/ {{ proxy_pass http://live; proxy_buffering off; }}
  }}
}}
"""
_HAPROXY: Final = """
global
  nbthread 1
  maxconn 4000
cache kept
  total-max-size 16
  max-age 3600
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
  option http-no-delay
frontend shop
  bind 127.0.0.1:{port} backlog 4096 {how}
  use_backend live if {{ path_beg /live/ }}
  default_backend app
backend app
  {cache}
  server one 127.0.0.1:{plain}
backend live
  server one 127.0.0.1:{live}
"""


def squid_forward(place: Place) -> Target:
    """A forward proxy without a cache, which passes tunnels on unread, and refuses one host."""
    port = free_port()
    return _squid(place, port, f"http_port 127.0.0.1:{port}\n{_UNCACHED}")


def squid_inspect(place: Place) -> Target:
    """The same, inspecting (`ssl_bump`): its authority is given to it."""
    port, ends = free_port(), place.ends
    maker = place.write("maker.pem", ends.maker.whole.decode())
    kept = place.folder / "made"
    subprocess.run([CERTIFICATES, "-c", "-s", str(kept), "-M", "4MB"], check=True, capture_output=True)
    for each in (kept, *kept.rglob("*")):
        each.chmod(0o777)  # Squid gives root up, and is somebody else then
    bumped = f"ssl-bump tls-cert={maker} generate-host-certificates=on dynamic_cert_mem_cache_size=4MB"
    lines = [f"http_port 127.0.0.1:{port} {bumped}", f"sslcrtd_program {CERTIFICATES} -s {kept} -M 4MB"]
    lines += ["sslcrtd_children 1", f"tls_outgoing_options cafile={ends.root}"]
    lines += ["acl hello at_step SslBump1", "ssl_bump peek hello", "ssl_bump bump all", _UNCACHED]
    return _squid(place, port, "\n".join(lines), place.write("vouching.pem", ends.maker.pem.decode()))


def squid_reverse(place: Place) -> Target:
    """In front of the pages and of what speaks on and on."""
    return _squid_reverse(place, _UNCACHED)


def squid_cached(place: Place) -> Target:
    """The same with a cache in memory."""
    return _squid_reverse(place, "cache_mem 64 MB")


def _squid_reverse(place: Place, cache: str) -> Target:
    port, ends = free_port(), place.ends
    lines = [f"http_port 127.0.0.1:{port} accel defaultsite=localhost no-vhost"]
    lines += ["acl live urlpath_regex ^/live/", "http_upgrade_request_protocols websocket allow all"]
    for name, behind, access in (("app", ends.plain, "deny live"), ("live", ends.live, "allow live")):
        lines += [f"cache_peer 127.0.0.1 parent {behind} 0 no-query originserver name={name}"]
        lines += [f"cache_peer_access {name} {access}"]
    lines += ["cache_peer_access app allow all", "never_direct allow all", cache]
    return _squid(place, port, "\n".join(lines))


def _squid(place: Place, port: int, more: str, authority: Path | None = None) -> Target:
    for each in (place.folder, *place.folder.parents[:1]):
        each.chmod(0o755)
    config = place.write("squid.conf", _SQUID.format(blocked=BLOCKED, more=more, folder=place.folder))
    pid = place.serve([str(program("squid")), "-N", "-f", str(config)], port)
    return Target(port, port, pid, authority)


def tinyproxy_forward(place: Place) -> Target:
    """A forward proxy that passes tunnels on unread, and refuses one host."""
    names = place.write("blocked", f"^{BLOCKED}$\n")
    return _tinyproxy(place, f'Filter "{names}"\nFilterExtended On')


def tinyproxy_reverse(place: Place) -> Target:
    """In front of the pages and of what speaks on and on."""
    ends = place.ends
    where = {"/": ends.plain, "/live/": ends.live}  # the last that fits is taken
    paths = "\n".join(f'ReversePath "{path}" "http://127.0.0.1:{port}{path}"' for path, port in where.items())
    return _tinyproxy(place, f"{paths}\nReverseOnly Yes")


def _tinyproxy(place: Place, more: str) -> Target:
    port = free_port()
    config = place.write("tinyproxy.conf", _TINYPROXY.format(port=port, folder=place.folder, more=more))
    pid = place.serve([str(program("tinyproxy")), "-d", "-c", str(config)], port)
    return Target(port, port, pid, closing=True)


def nginx_reverse(place: Place) -> Target:
    """In front of the pages and of what speaks on and on."""
    return _nginx(place)


def nginx_cached(place: Place) -> Target:
    """The same with a cache."""
    return _nginx(place, cache="proxy_cache kept;")


def nginx_secure(place: Place) -> Target:
    """The same over TLS with HTTP/2."""
    return _nginx(place, how="ssl http2")


def _nginx(place: Place, how: str = "", cache: str = "") -> Target:
    port, ends = free_port(), place.ends
    values = {"port": port, "plain": ends.plain, "live": ends.live, "identity": ends.identity}
    place.write("nginx.conf", _NGINX.format(**values, how=how, cache=cache))
    command = [str(program("nginx")), "-p", f"{place.folder}/", "-c", "nginx.conf", "-e", "stderr"]
    return Target(port, port, place.serve(command, port))


def haproxy_reverse(place: Place) -> Target:
    """In front of the pages and of what speaks on and on."""
    return _haproxy(place)


def haproxy_cached(place: Place) -> Target:
    """The same with a cache."""
    return _haproxy(place, cache="http-request cache-use kept\n  http-response cache-store kept")


def haproxy_secure(place: Place) -> Target:
    """The same over TLS with HTTP/2."""
    return _haproxy(place, how=f"ssl crt {place.ends.identity} alpn h2,http/1.1")


def _haproxy(place: Place, how: str = "", cache: str = "") -> Target:
    port, ends = free_port(), place.ends
    text = _HAPROXY.format(port=port, plain=ends.plain, live=ends.live, how=how, cache=cache)
    command = [str(program("haproxy")), "-q", "-db", "-f", str(place.write("haproxy.cfg", text))]
    return Target(port, port, place.serve(command, port))
