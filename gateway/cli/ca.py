"""`wicketgate ca`: the authorities that open inspected TLS. What is shown and exported never holds a key.

The engine makes the authority on its first start. What clients need of it is the certificate, and what people need is
its fingerprint, to compare before they trust it. Every verb is imported when it is used.
"""

from __future__ import annotations

import importlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.cli.options import add_state, parser
from gateway.cli.outcome import OK, Unusable
from gateway.cli.output import add_format

if TYPE_CHECKING:
    from argparse import Namespace, _SubParsersAction
    from collections.abc import Callable, Iterator, Sequence

    from gateway.cli.options import Parser

_MODULES: Final = {
    "show": "ca_show",
    "make": "ca_change",
    "export": "ca_export",
    "rotate": "ca_change",
    "import": "ca_change",
}


def command_line() -> Parser:
    """What can be said on the command line."""
    options = parser("ca", "The certificate authority of the forward proxy: show, make, export, rotate or import it.")
    verbs = options.add_subparsers(dest="verb", required=True, metavar="show|make|export|rotate|import")
    show = verbs.add_parser("show", help="every authority: role, name, fingerprints, validity", allow_abbrev=False)
    make = verbs.add_parser("make", help="make it now, before the first start", allow_abbrev=False)
    make.add_argument("--config", type=Path, metavar="FILE", help="make it as this configuration says")
    for verb in (show, make, _export(verbs), _rotate(verbs), _import(verbs)):
        add_state(verb)
    for verb in (show, make, verbs.choices["rotate"], verbs.choices["import"]):
        add_format(verb)
    return options


def main(argv: Sequence[str]) -> int:
    """Show, make, export, rotate or import. Raises Unusable for what cannot be used."""
    given = command_line().parse_args(argv)
    act: Callable[[Namespace], None] = getattr(
        importlib.import_module(f"gateway.cli.{_MODULES[given.verb]}"), f"{given.verb}_authority"
    )
    with usable():
        act(given)
    return OK


def _export(verbs: _SubParsersAction[Parser]) -> Parser:
    export = verbs.add_parser("export", help="what clients should trust, never a key", allow_abbrev=False)
    export.add_argument(
        "--format", choices=["pem", "der", "p12", "mobileconfig"], default="pem", help="its form (default: %(default)s)"
    )
    export.add_argument(
        "--role", choices=["signing", "next", "old"], help="of one authority (default: all that are trusted)"
    )
    export.add_argument("--password", metavar="WORD", help="seals a p12 store; Java expects `changeit`")
    export.add_argument("--output", type=Path, metavar="FILE", help="where to write it (default: standard output)")
    return export


def _rotate(verbs: _SubParsersAction[Parser]) -> Parser:
    rotate = verbs.add_parser("rotate", help="make the next authority, then let it sign", allow_abbrev=False)
    step = rotate.add_mutually_exclusive_group()
    step.add_argument("--activate", action="store_true", help="let the next authority sign; the old one stays trusted")
    step.add_argument("--back", action="store_true", help="let the authority sign that signed before")
    step.add_argument("--retire", action="store_true", help="publish old authorities no longer, destroy their keys")
    step.add_argument("--config", type=Path, metavar="FILE", help="make the next one as this configuration says")
    return rotate


def _import(verbs: _SubParsersAction[Parser]) -> Parser:
    bring = verbs.add_parser("import", help="bring an authority that was issued elsewhere", allow_abbrev=False)
    bring.add_argument("--certificate", type=Path, required=True, metavar="FILE", help="its certificate, in PEM")
    bring.add_argument("--key", type=Path, required=True, metavar="FILE", help="its private key, in PEM (EC or RSA)")
    bring.add_argument("--chain", type=Path, metavar="FILE", help="who issued it, up to the root, in PEM")
    bring.add_argument("--passphrase-file", type=Path, metavar="FILE", help="what opens the key, in the first line")
    bring.add_argument("--next", action="store_true", help="publish it first; `ca rotate --activate` lets it sign")
    return bring


@contextmanager
def usable() -> Iterator[None]:
    """What is wrong with an authority or a file leaves this block as Unusable, with every problem."""
    from gateway.authority.signers import AuthorityUnusable

    try:
        yield
    except AuthorityUnusable as error:
        raise Unusable(*error.problems) from None
