"""Proxy auto-configuration: the script by which browsers choose between the proxy and the direct way.

Everything goes through the proxy but what the operator named, plain host names and loopback. There is no `DIRECT`
behind a proxy that does not answer: who cannot be filtered does not get out. Names are never resolved, because an
answer to a stranger's name would be a way around the proxy; networks are compared with addresses written in URLs.

The script keeps to ECMAScript 3, which every engine of proxy auto-configurations reads. Networks are written as the
binary digits with which their addresses begin.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from gateway.pages.home import NAME
from gateway.policy.addresses import BITS, Network

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.config.settings import PacSettings

MEDIA_TYPE: Final = "application/x-ns-proxy-autoconfig"

_LOOPBACK: Final = (Network.parse("127.0.0.0/8"), Network.parse("::1/128"))
_UNSAFE_IN_SCRIPTS: Final = {character: f"\\u{ord(character):04x}" for character in "<>&'/"}

_HEAD: Final = """\
// Proxy auto-configuration by Wicketgate. What is not named here goes through the proxy, or not at all.
"""
_FUNCTIONS: Final = """
function FindProxyForURL(url, host) {
  host = String(host).toLowerCase();
  if (host.charAt(0) == "[") { host = host.substring(1, host.length - 1); }
  var name = host.replace(/\\.$/, "");
  if (name == OWN) { return PROXY; }
  if (host.indexOf(":") >= 0) { return isNear(ipv6(host)) ? "DIRECT" : PROXY; }
  if (/^[0-9.]*$/.test(host)) { return isNear(ipv4(name)) ? "DIRECT" : PROXY; }
  if (host.indexOf(".") < 0) { return isPlain(host) ? "DIRECT" : PROXY; }
  return isNamed(name) ? "DIRECT" : PROXY;
}

function isPlain(host) {
  return /^[a-z0-9_\\-]+$/.test(host) && !/^([0-9]+|0x[0-9a-f]*)$/.test(host);
}

function has(key) {
  return Object.prototype.hasOwnProperty.call(NAMES, key);
}

function isNamed(name) {
  var at;
  if (has("=" + name) || has("." + name)) { return true; }
  for (at = name.indexOf("."); at >= 0; at = name.indexOf(".", at + 1)) {
    if (has(name.substring(at))) { return true; }
  }
  return false;
}

function isNear(bits) {
  var each;
  if (bits == "") { return false; }
  for (each = 0; each < NETWORKS.length; each++) {
    if (bits.substring(0, NETWORKS[each].length) == NETWORKS[each]) { return true; }
  }
  return false;
}

function binary(number, width) {
  var digits = number.toString(2);
  while (digits.length < width) { digits = "0" + digits; }
  return digits;
}

function ipv4(host) {
  var parts = host.split("."), bits = "4:", each;
  if (parts.length != 4) { return ""; }
  for (each = 0; each < 4; each++) {
    if (!/^(0|[1-9][0-9]{0,2})$/.test(parts[each]) || parseInt(parts[each], 10) > 255) { return ""; }
    bits += binary(parseInt(parts[each], 10), 8);
  }
  return bits;
}

function ipv6(host) {
  var halves = host.split("::"), bits = "6:", groups, tail, each;
  if (halves.length > 2) { return ""; }
  groups = halves[0] == "" ? [] : halves[0].split(":");
  tail = halves.length == 1 || halves[1] == "" ? [] : halves[1].split(":");
  if (halves.length == 2 ? groups.length + tail.length > 7 : groups.length != 8) { return ""; }
  while (groups.length + tail.length < 8) { groups.push("0"); }
  groups = groups.concat(tail);
  for (each = 0; each < 8; each++) {
    if (!/^[0-9a-f]{1,4}$/.test(groups[each])) { return ""; }
    bits += binary(parseInt(groups[each], 16), 16);
  }
  return bits;
}
"""


def script(settings: PacSettings, proxy: str) -> bytes:
    """The script that sends browsers to `proxy`, written `host:port`."""
    names = [f"={host}" for host in settings.hosts] + [f".{host}" for host in settings.under] + [".localhost"]
    values = {
        "OWN": NAME.text,
        "PROXY": f"PROXY {proxy}",
        "NAMES": dict.fromkeys(names, 1),
        "NETWORKS": _prefixes((*_LOOPBACK, *settings.networks)),
    }
    lines = "".join(f"var {name} = {_literal(value)};\n" for name, value in values.items())
    return f"{_HEAD}{lines}{_FUNCTIONS}".encode("ascii")


def _prefixes(networks: Iterable[Network]) -> list[str]:
    return [f"{each.version}:{each.value:0{BITS[each.version]}b}"[: 2 + each.length] for each in networks]


def _literal(value: object) -> str:
    """The value in JavaScript, fit to stand even inside a page."""
    return "".join(_UNSAFE_IN_SCRIPTS.get(character, character) for character in json.dumps(value))
