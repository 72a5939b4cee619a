"""The section `audit`: how decisions are written down, how much of them, and for how long they are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.audit.writing.kinds import KINDS
from gateway.config.sections.disclosure import DISCLOSED, check_keys, disclosed
from gateway.config.sections.export import EXPORT
from gateway.config.settings import AuditSettings
from gateway.policy.errors import Malformed
from gateway.policy.language.records import Values, optional, record
from gateway.policy.language.scalars import BOOLEAN, DURATION, SIZE, choice

if TYPE_CHECKING:
    from gateway.audit.writing.backlog import OnFailure
    from gateway.audit.writing.intake import Durability
    from gateway.policy.language.shapes import Read, Shape

_STOCK: Final = AuditSettings()
_LEAST_SIZE: Final = 64 * 1024
_LEAST_AGE: Final = 60.0


def _size(size: int) -> int:
    if size < _LEAST_SIZE:
        raise Malformed(f"{size} bytes are too small for a file of the log, write at least `64KiB`")
    return size


def _age(seconds: float) -> float:
    if seconds < _LEAST_AGE:
        raise Malformed("files of the log live for at least `1min`")
    return seconds


_LONG: Final = DURATION.then(_age)
_SIZE: Final = optional("size", SIZE.then(_size), "The size at which a file of the log is closed.", _STOCK.segment_size)
_AGE: Final = optional("age", _LONG, "The age at which a file of the log is closed.", _STOCK.segment_age)
_ROTATION: Final = record(
    (_SIZE, _AGE),
    lambda values: (values[_SIZE], values[_AGE]),
    wanted="when a file of the log is closed, like `{size: 256MiB, age: 1d}`",
)
_KEPT: Final = {kind: optional(kind, _LONG, f"How long `{kind}` records are kept.", None) for kind in KINDS}
_RETENTION: Final = record(
    tuple(_KEPT.values()),
    lambda values: {kind: seconds for kind, key in _KEPT.items() if (seconds := values[key]) is not None},
    wanted="how long records are kept, like `{allow: 180d, deny: 365d}`",
)
_DURABILITIES: Final[Shape[Durability]] = choice(("sync", "batched", "relaxed"))
_DURABILITY: Final = optional("durability", _DURABILITIES, "When records reach the disk.", _STOCK.durability)
_FAILURES: Final[Shape[OnFailure]] = choice(("closed", "deny_only", "open"))
_ON_FAILURE: Final = optional("on_failure", _FAILURES, "What happens when they cannot.", _STOCK.on_failure)
_RESERVE: Final = optional("reserve", SIZE, "Room that is kept for the last records.", _STOCK.reserve)
_ROTATE: Final = optional("rotate", _ROTATION, "When a file is closed.", (_STOCK.segment_size, _STOCK.segment_age))
_RETAIN: Final = optional("retain", _RETENTION, "How long records are kept.", _STOCK.retain)
_COMPRESS: Final = optional("compress", BOOLEAN, "Whether closed files are compressed.", _STOCK.compress)


def _audit(values: Values) -> Read[AuditSettings]:
    size, age = values[_ROTATE]
    return AuditSettings(
        durability=values[_DURABILITY],
        on_failure=values[_ON_FAILURE],
        reserve=values[_RESERVE],
        segment_size=size,
        segment_age=age,
        retain=values[_RETAIN],
        compress=values[_COMPRESS],
        disclosure=disclosed(values),
        exports=values[EXPORT],
    )


AUDIT: Final = record(
    (_DURABILITY, _ON_FAILURE, _RESERVE, _ROTATE, _RETAIN, _COMPRESS, EXPORT, *DISCLOSED),
    _audit,
    wanted="the audit log, like `{durability: batched}`",
    rules=(check_keys,),
)
