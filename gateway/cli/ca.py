"""`wicketgate ca`: the certificate of the authority that opens inspected TLS. Its key is never read here.

The engine makes the authority on its first start. What clients need of it is the certificate, and what people need is
its fingerprint, to compare before they trust it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from gateway.cli.options import add_state, parser
from gateway.cli.outcome import OK, Unusable

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence
    from pathlib import Path

    from cryptography.x509 import Certificate

CERTIFICATE: Final = "ca.pem"
"""The file of the certificate in `STATE/ca`."""


def main(argv: Sequence[str]) -> int:
    """Show or export the certificate."""
    options = parser("ca", "Show or export the certificate authority of the forward proxy.")
    verbs = options.add_subparsers(dest="verb", required=True, metavar="show|export")
    show = verbs.add_parser("show", help="name, fingerprint and validity", allow_abbrev=False)
    export = verbs.add_parser("export", help="the certificate on standard output, never the key", allow_abbrev=False)
    export.add_argument("--format", choices=["pem", "der"], default="pem", help="its encoding (default: %(default)s)")
    show.set_defaults(act=_show)
    export.set_defaults(act=_export)
    for verb in (show, export):
        add_state(verb)
    given = options.parse_args(argv)
    given.act(_certificate(given.state), given)
    return OK


def _certificate(state: Path) -> Certificate:
    from cryptography.x509 import load_pem_x509_certificate

    path = state / "ca" / CERTIFICATE
    try:
        return load_pem_x509_certificate(path.read_bytes())
    except FileNotFoundError:
        raise Unusable(
            f"ca: there is no authority in `{state}` yet, a forward proxy makes one on its first start "
            "(name its folder with `--state`)"
        ) from None
    except ValueError:
        raise Unusable(f"ca: `{path}` holds no certificate in PEM") from None


def _show(certificate: Certificate, _: Namespace) -> None:
    from cryptography.hazmat.primitives.hashes import SHA256

    sys.stdout.write(
        f"name         {certificate.subject.rfc4514_string()}\n"
        f"fingerprint  {certificate.fingerprint(SHA256()).hex(':').upper()} (SHA-256)\n"
        f"valid        {certificate.not_valid_before_utc:%Y-%m-%d} to {certificate.not_valid_after_utc:%Y-%m-%d}\n"
    )


def _export(certificate: Certificate, given: Namespace) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding

    encoding = Encoding.DER if given.format == "der" else Encoding.PEM
    sys.stdout.buffer.write(certificate.public_bytes(encoding))
    sys.stdout.buffer.flush()
