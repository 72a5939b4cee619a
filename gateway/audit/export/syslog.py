"""Messages of syslog: a header, what machines look for as structured data, and the record.

Source: RFC 5424 (the message), RFC 6587 section 3.4.1 (octet counting), RFC 5425 (the same over TLS).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.audit.mappings.parts import Level, at, level_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.audit.export.forms import Message

LOG_AUDIT: Final = 13
"""The facility, "log audit"."""
SD_ID: Final = "wicketgate@32473"
"""The name of the structured data; 32473 is the enterprise number that everybody may use (RFC 5612)."""
APP: Final = "wicketgate"

_SEVERITIES: Final[Mapping[Level, int]] = {
    Level.INFORMATIONAL: 6,
    Level.LOW: 5,
    Level.MEDIUM: 4,
    Level.HIGH: 3,
    Level.CRITICAL: 2,
}
_MARK: Final = "\ufeff"
"""Says that the text is UTF-8; one in ASCII needs no mark."""
_LONGEST_HOST: Final = 255
_LONGEST_KIND: Final = 32


def frame(message: Message, log: str, host: str) -> bytes:
    """A message with its length in front."""
    data = line(message, log, host).encode()
    return b"%d %b" % (len(data), data)


def line(message: Message, log: str, host: str) -> str:
    """A message without a frame."""
    record = message.record
    header = (
        f"<{LOG_AUDIT * 8 + _SEVERITIES[level_of(record)]}>1",
        str(record.get("time") or "-"),
        _name(host, _LONGEST_HOST),
        APP,
        "-",
        _name(str(record.get("event")), _LONGEST_KIND),
    )
    mark = "" if message.text.isascii() else _MARK
    return f"{' '.join(header)} {_data(message, log)} {mark}{message.text}"


def _data(message: Message, log: str) -> str:
    record = message.record
    known = {
        "log": log,
        "seq": message.seq,
        "id": record.get("id"),
        "verdict": at(record, "decision", "verdict"),
        "reason": at(record, "decision", "reason") or record.get("reason"),
        "rule": at(record, "decision", "rule"),
    }
    return f"[{SD_ID}{''.join(f' {name}="{_value(value)}"' for name, value in known.items() if value is not None)}]"


def _value(value: object) -> str:
    """A value between quotes (section 6.3.3)."""
    return str(value).replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")


def _name(text: str, longest: int) -> str:
    """Printable ASCII without spaces, or nothing (section 6.2)."""
    return "".join(each for each in text if "!" <= each <= "~")[:longest] or "-"
