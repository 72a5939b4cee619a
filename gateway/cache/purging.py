"""Which kept answers somebody wants dropped: one URL, whatever begins like one, a host, or everything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

from gateway.policy.errors import Malformed
from gateway.policy.names import Host

type Kind = Literal["url", "prefix", "host", "all"]

_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Scope:
    """What is dropped. `value` is spelt as the keys of answers are; empty for `all`."""

    kind: Kind
    value: str = ""

    @classmethod
    def of(cls, kind: str, value: str) -> Scope:
        """The scope that somebody asks for by these words. Raises Malformed."""
        if kind == "all":
            return cls("all")
        if kind == "host":
            return cls("host", str(Host.parse(value)))
        if kind == "url":
            return cls("url", _spelt(value))
        if kind == "prefix":
            return cls("prefix", _spelt(value))
        raise Malformed(f"there is no `{kind}` to purge, say `url`, `prefix`, `host` or `all`")

    def takes(self, key: str) -> bool:
        """Whether what is kept under this key is dropped."""
        match self.kind:
            case "all":
                return True
            case "url":
                return key == self.value
            case "prefix":
                return key.startswith(self.value)
            case "host":
                return urlsplit(key).hostname == self.value.strip("[]")


def _spelt(url: str) -> str:
    """A URL as the keys are spelt: scheme and host in their one spelling, no port that goes without saying."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Malformed(f"`{url}` is no URL, write one like `https://shop.example/items`") from None
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc or "#" in url:
        raise Malformed(f"`{url}` is no URL of something kept, write one like `https://shop.example/items`")
    authority = Host.parse(parts.hostname).authority(port or _PORTS[parts.scheme], _PORTS[parts.scheme])
    return f"{parts.scheme}://{authority}{parts.path or '/'}" + (f"?{parts.query}" if parts.query else "")
