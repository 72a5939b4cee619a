"""A world of its own for transparent listeners: a network namespace with addresses, origins, redirection and a gateway.

Run by `test_transparent.py` inside of `unshare -rn`; prints what every client got and what was recorded, as JSON. The
client is known by its own address, which the rules redirect: the gateway's connections come from other addresses.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gateway.config.settings import ListenerSettings, ResolverSettings, Settings, UpstreamTlsSettings
from gateway.policy.addresses import Address
from gateway.policy.model import Mode
from tests.e2e.gateways import Running, Scenery, serving
from tests.e2e.origin import Origin, identity_for, origin

PORT = 8082
CLIENT, ASKED, ORIGIN, CLOSED, UNREAD, LOOP = (f"10.9.0.{last}" for last in (100, 1, 2, 3, 4, 9))
CLIENT6, ASKED6, ORIGIN6 = "fd09::100", "fd09::1", "fd09::2"

RULES = f"""
table inet wicketgate {{
  chain output {{
    type nat hook output priority -100;
    ip saddr {CLIENT} tcp dport {{ 80, 443, 2525, 8000 }} redirect to :{PORT}
    ip6 saddr {CLIENT6} tcp dport {{ 80, 443 }} redirect to :{PORT}
    ip daddr {LOOP} tcp dport 443 redirect to :{PORT}
  }}
}}
"""

POLICY = f"""
version: 1
name: redirected
default: {{action: allow}}
unsafe_destinations: [10.9.0.0/24, "fd09::/64"]
connect_ports: [443, 2525]
guardrails:
  - {{id: no-private-name, reason: closed, when: {{host: {{is: [guarded.example]}}}}}}
rules:
  - {{id: no-denied, action: deny, reason: closed, when: {{host: {{is: [denied.example, "{CLOSED}"]}}}}}}
  - {{id: no-refused, action: deny, reason: closed, when: {{path: {{prefix: [/refused]}}}}, not: {{protocol: [tcp]}}}}
  - {{id: raw, action: allow, reason: raw, when: {{protocol: [tcp], host: {{is: ["{UNREAD}"]}}, port: [2525]}}}}
tls:
  inspect: all
  splice:
    - {{id: unread, reason: tests, when: {{host: {{is: [spliced.example, "{UNREAD}"]}}}}}}
"""

NAMES = {
    "shop.example": ORIGIN,
    "denied.example": ORIGIN,
    "guarded.example": ORIGIN,
    "spliced.example": ORIGIN,
    "six.example": ORIGIN6,
    "loop.example": LOOP,
}


@dataclass(kw_only=True)
class Redirected(Scenery):
    """Two transparent listeners, one for each version of the protocol."""

    def settings(self) -> Settings:
        """Where redirected connections arrive."""
        policy = self.folder / "policy.yaml"
        policy.write_text(POLICY, encoding="utf-8")
        listeners = tuple(
            ListenerSettings(
                name=name,
                mode=Mode.FORWARD,
                entry="transparent",
                bind=(Address.parse(address), PORT),
                policy=policy,
            )
            for name, address in (("four", "0.0.0.0"), ("six", "::"))
        )
        hosts = {name: (Address.parse(address),) for name, address in NAMES.items()}
        return Settings(
            listeners=listeners,
            state=self.folder / "state",
            resolver=ResolverSettings(hosts=hosts),
            limits=self.limits,
            upstream_tls=UpstreamTlsSettings(trust=(self.folder / "authority.pem",)),
        )


def prepare() -> str | None:
    """Give the namespace its addresses and rules; what is missing, or None."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for address in (ASKED, ORIGIN, CLOSED, UNREAD, LOOP, CLIENT):
        subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)
    six = [
        subprocess.run(["ip", "-6", "address", "add", f"{each}/128", "dev", "lo", "nodad"], check=False).returncode
        for each in (ASKED6, ORIGIN6, CLIENT6)
    ]
    loaded = subprocess.run(["nft", "-f", "-"], input=RULES, text=True, capture_output=True, check=False)
    if loaded.returncode:
        return f"nft cannot redirect here: {loaded.stderr.strip()}"
    return "the kernel has no IPv6" if any(six) else None


def curl(url: str, *options: str, six: bool = False) -> dict[str, Any]:
    """Ask as somebody who knows of no proxy: the name resolves to an address at which nobody listens."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    command = ["curl", "-s", "-m", "10", "--interface", CLIENT6 if six else CLIENT, "--noproxy", "*"]
    command += ["--resolve", f"{parts.hostname}:{port}:{ASKED6 if six else ASKED}"] if "example" in url else []
    command += ["-w", "\n%{http_code}", *options, url]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    body, _, status = done.stdout.rpartition("\n")
    return {"exit": done.returncode, "status": int(status or 0), "body": body}


def exchange(data: bytes, to: tuple[str, int], source: str = CLIENT) -> str:
    """Send bytes as they are, and read until the other side closes or is silent."""
    with socket.create_connection(to, timeout=3, source_address=(source, 0)) as connection, suppress(OSError):
        connection.sendall(data)
        got = bytearray()
        with suppress(OSError):
            while piece := connection.recv(65536):
                got += piece
        return got.decode("latin-1")
    return ""


def ask_all(gateway: Running, folder: Path) -> dict[str, Any]:
    """What every client gets."""
    ours = ("--cacert", str(folder / "state" / "ca" / "ca.pem"))
    theirs = ("--cacert", str(folder / "authority.pem"))
    head = "GET / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n"
    return {
        "http": curl("http://shop.example/open"),
        "https": curl("https://shop.example/open", *ours),
        "https refused": curl("https://shop.example/refused", *ours),
        "http refused": curl("http://shop.example/refused"),
        "http denied": curl("http://denied.example/"),
        "https denied": curl("https://denied.example/", *ours),
        "http guarded": curl("http://guarded.example/"),
        "https guarded": curl("https://guarded.example/", *ours),
        "spliced": curl("https://spliced.example/refused", *theirs),
        "no name, denied": curl(f"https://{CLOSED}/", "-k"),
        "no name, spliced": curl(f"https://{UNREAD}/inside", "-k"),
        "no host field": exchange(b"GET / HTTP/1.1\r\n\r\n", (ASKED, 80)),
        "two host fields": exchange(b"GET / HTTP/1.1\r\nHost: shop.example\r\nHost: a.example\r\n\r\n", (ASKED, 80)),
        "another port": exchange(head.format("shop.example:81").encode(), (ASKED, 80)),
        "absolute": exchange(b"GET http://shop.example/ HTTP/1.1\r\nHost: shop.example\r\n\r\n", (ASKED, 80)),
        "connect": exchange(b"CONNECT shop.example:443 HTTP/1.1\r\nHost: shop.example:443\r\n\r\n", (ASKED, 80)),
        "localhost": exchange(head.format("localhost").encode(), (ASKED, 80)),
        "loopback": exchange(head.format("127.1").encode(), (ASKED, 80)),
        "port 8000": curl("http://shop.example:8000/open"),
        "raw": exchange(b"helo\r\n", (UNREAD, 2525)),
        "raw refused": exchange(b"helo\r\n", (ASKED, 2525)),
        "straight": exchange(head.format("shop.example").encode(), ("127.0.0.1", PORT), "127.0.0.1"),
        "straight, own address": exchange(head.format("shop.example").encode(), (ASKED, PORT), ASKED),
        "loop": curl("https://loop.example/", *ours),
    }


def ask_all_by_six(folder: Path) -> dict[str, Any]:
    """The same over IPv6, as far as it differs."""
    ours = ("--cacert", str(folder / "state" / "ca" / "ca.pem"))
    return {
        "http": curl("http://six.example/open", six=True),
        "https": curl("https://six.example/open", *ours, six=True),
        "denied": curl("https://denied.example/", *ours, six=True),
        "straight": exchange(b"GET / HTTP/1.1\r\nHost: six.example\r\n\r\n", ("::1", PORT), "::1"),
    }


def echo(connection: socket.socket, visit: Any) -> None:
    """Say back what was said, once."""
    visit.data += connection.recv(100)
    connection.sendall(b"echo " + bytes(visit.data))


def main(folder: Path) -> None:
    """Build the world, ask, and print what happened."""
    missing = prepare()
    has_six = missing is None
    if missing is not None and not missing.startswith("the kernel"):
        sys.stdout.write(json.dumps({"skip": missing}))
        return
    identity = identity_for(folder, "shop.example", "spliced.example", "six.example", "loop.example")
    with ExitStack() as stack:

        def serve(at: tuple[str, int], **how: Any) -> Origin:
            return stack.enter_context(origin(at=at, **how))

        seen = {
            "plain": serve((ORIGIN, 80)),
            "other port": serve((ORIGIN, 8000)),
            "secret": serve((ORIGIN, 443), tls=identity.context),
            "unread": serve((UNREAD, 443), tls=identity.context),
            "raw": serve((UNREAD, 2525), serve=echo),
        }
        if has_six:
            seen |= {"plain6": serve((ORIGIN6, 80)), "secret6": serve((ORIGIN6, 443), tls=identity.context)}
        with serving(Redirected(folder=folder, origin=0)) as gateway:
            asked = ask_all(gateway, folder)
            by_six = ask_all_by_six(folder) if has_six else {}
        received = {name: each.received.decode("latin-1") for name, each in seen.items()}
    sys.stdout.write(json.dumps({"asked": asked, "six": by_six, "received": received, "records": gateway.records()}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
