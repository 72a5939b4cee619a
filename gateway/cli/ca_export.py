"""`wicketgate ca export`: what clients should trust, in the form that they take; never a key."""

from __future__ import annotations

import datetime as dt
import sys
from typing import TYPE_CHECKING

from cryptography.x509.oid import NameOID

from gateway.authority import exports
from gateway.authority.keeping import trusted
from gateway.authority.making import NAME
from gateway.cli.ca_show import authorities
from gateway.cli.outcome import Unusable

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from cryptography import x509


def export_authority(given: Namespace) -> None:
    """Write the certificates. Raises Unusable for a form that does not fit, and OSError."""
    kept = authorities(given.state)
    wanted = tuple(each for each in kept if given.role in {None, each.role})
    certificates = trusted(wanted, dt.datetime.now(dt.UTC))
    if not certificates:
        raise Unusable(f"ca: there is no authority with the role `{given.role}`, `wicketgate ca show` lists them")
    data = _in_form(certificates, given)
    if given.output is None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        given.output.write_bytes(data)


def _in_form(certificates: Sequence[x509.Certificate], given: Namespace) -> bytes:
    if (given.format == "p12") is not (given.password is not None):
        way = "seal a p12 store with `--password WORD`" if given.format == "p12" else "leave `--password` out"
        raise Unusable(f"ca: only a p12 store has a password: {way}")
    match given.format:
        case "pem":
            return exports.pem(certificates)
        case "p12":
            return exports.pkcs12(certificates, given.password)
        case "der":
            return exports.der(_only(certificates, given.format))
        case _:
            only = _only(certificates, given.format)
            return exports.mobileconfig(only, _owner(only))


def _only(certificates: Sequence[x509.Certificate], form: str) -> x509.Certificate:
    """The one certificate: forms that hold one must not leave out another without a word."""
    if len(certificates) > 1:
        raise Unusable(f"ca: {form} holds one certificate and clients should trust several, choose with `--role`")
    return certificates[0]


def _owner(certificate: x509.Certificate) -> str:
    owners = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return str(owners[0].value) if owners else NAME
