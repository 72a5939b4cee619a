"""What most questions are about, taken from the line of a decision without parsing all of it.

The keys of a decision record have one order and its bytes one form (`gateway.audit.records.record`,
`gateway.audit.writing.encoding`), so an expression that begins at the head of the line, and goes over every text from
quotation mark to quotation mark, meets the keys and nothing that a client wrote. A line that it does not fit is
parsed.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_TEXT: Final = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_MAYBE: Final = rf"null|{_TEXT}"
_HEAD: Final = (
    r'^\{"v":1,"seq":([0-9]+),"time":"([^"\\]*)","event":"decision","id":"([^"\\]*)",'
    rf'"listener":({_TEXT}),"mode":{_TEXT},"engine":{_TEXT},'
    rf'"client":\{{"ip":({_MAYBE}),"port":(?:null|[0-9]+),"user":({_MAYBE}),'
    rf'"groups":\[(?:{_TEXT},?)*\](?:,"balancer":{_TEXT})?\}},'
    rf'"request":\{{"method":({_MAYBE}),"scheme":(?:{_MAYBE}),"host":({_MAYBE}),'
    rf'"port":(?:null|[0-9]+),"path":({_MAYBE}),'
)
"""The beginning of a line, with groups for GROUPS."""
GROUPS: Final[Mapping[str, int]] = {
    "seq": 1,
    "time": 2,
    "id": 3,
    "listener": 4,
    "client": 5,
    "user": 6,
    "method": 7,
    "host": 8,
    "path": 9,
}
_DECISION: Final = rf'"decision":\{{"verdict":("allow"|"deny"),"reason":({_TEXT}),"rule":({_MAYBE}),'
"""The beginning of a decision, with groups for DECISION_GROUPS. No text of a line can hold it."""
DECISION_GROUPS: Final[Mapping[str, int]] = {"verdict": 1, "reason": 2, "rule": 3}
_BRIEF: Final = r'^\{"v":1,"seq":[0-9]+,"time":"([^"\\]*)","event":"decision","'
"""The beginning of a decision up to its time."""
_END: Final = (
    r'^\{"v":1,"seq":[0-9]+,"time":"([^"\\]*)","event":"end","id":"[^"\\]*",'
    r'"status":(null|[0-9]+),"bytes":\{"up":([0-9]+),"down":([0-9]+)\},"seconds":([0-9.e+-]+),'
)
"""The end of an exchange, with groups for its time, its status, the bytes up and down, and its seconds."""

head = re.compile(_HEAD.encode("ascii")).match
brief = re.compile(_BRIEF.encode("ascii")).match
decision = re.compile(_DECISION.encode("ascii")).search
end = re.compile(_END.encode("ascii")).match


def value_of(token: bytes) -> str | None:
    """The value of a group as JSON has it; an empty one is that of an expression that found none."""
    if token.isalnum() or not token:
        return None
    return str(json.loads(token)) if b"\\" in token else token[1:-1].decode("ascii")
