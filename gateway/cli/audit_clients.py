"""`wicketgate audit client`: what the log calls a client whose address it does not show (`client_address: keyed`).

The token of a month can only be told by its key, which lies beside the log and is erased in time; nothing is made or
erased by asking. Give the token to `--client` of the other verbs.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.cli.outcome import CANNOT_DECIDE, OK, Unusable, complain
from gateway.cli.output import add_format, answer

if TYPE_CHECKING:
    import argparse

_MONTH: Final = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
_FOLDER: Final = "audit-keys"


def add_arguments(verb: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    verb.add_argument("address", metavar="ADDRESS", help="the address of the client")
    verb.add_argument("--month", metavar="YYYY-MM", help="the month, UTC (default: every month whose key is there)")
    keys = f"where the keys are (default: `{_FOLDER}` beside the log)"
    verb.add_argument("--keys", type=Path, metavar="DIR", help=keys)
    add_format(verb)


def client(arguments: argparse.Namespace) -> int:
    """Show the tokens of an address; 3 if there is no key to tell them by."""
    from gateway.audit.records.clients import token
    from gateway.audit.records.month_keys import MonthKeys
    from gateway.audit.writing.errors import AuditUnavailable
    from gateway.policy.addresses import Address
    from gateway.policy.errors import Malformed

    wanted = arguments.month
    if wanted is not None and _MONTH.fullmatch(wanted) is None:
        raise Unusable(f"--month: `{wanted}` is no month, write one like `2026-11`")
    try:
        address = Address.parse(arguments.address)
    except Malformed as error:
        raise Unusable(f"audit: {error}") from None
    keys = MonthKeys(arguments.keys or arguments.log.parent / _FOLDER, kept=0)
    try:
        found = {month: keys.find(month) for month in ([wanted] if wanted else keys.months())}
    except AuditUnavailable as error:
        raise Unusable(str(error)) from None
    told = {month: token(address, month, secret) for month, secret in found.items() if secret is not None}
    if not told:
        which = f"the key of {wanted}" if wanted else "any key of a month"
        complain(f"audit: `{keys.folder}` does not hold {which}: it was erased, or no address was hidden then")
        return CANNOT_DECIDE
    answer(arguments.format, list(told.values()), [{"month": month, "client": name} for month, name in told.items()])
    return OK
