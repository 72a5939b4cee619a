"""A new authority: EC P-256, signing leaves alone, bounded to names if that is wanted. Source: RFC 5280."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.authority.constraints import Constraints
from gateway.authority.drafts import draft
from gateway.authority.signers import Authority

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cryptography.x509 import Certificate

NAME: Final = "Wicketgate"
LIFETIME: Final = dt.timedelta(days=3650)
_MARK: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a new authority will be like: whose it is, for which hosts it may sign, how long it holds."""

    name: str = NAME
    constraints: Constraints = field(default_factory=Constraints)
    lifetime: dt.timedelta = LIFETIME


def planned(name: str, permitted: Iterable[str], excluded: Iterable[str], lifetime: float) -> Plan:
    """A plan as people write it: names and networks as text, `lifetime` in seconds. Raises ValueError."""
    return Plan(name=name, constraints=Constraints.parse(permitted, excluded), lifetime=dt.timedelta(seconds=lifetime))


def make(now: dt.datetime, plan: Plan | None = None) -> Authority:
    """A new authority. Its name ends in a mark of its key, so that people can tell the next one from the old one."""
    plan = plan or Plan()
    key = ec.generate_private_key(ec.SECP256R1())
    mark = x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest[:_MARK].hex().upper()
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, plan.name),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{plan.name} CA {mark}"),
        ]
    )
    signs = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    unsigned = (
        draft(name, name, key.public_key(), now, now + plan.lifetime)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(signs, critical=True)
    )
    constraints = plan.constraints.extension()
    if constraints is not None:
        unsigned = unsigned.add_extension(constraints, critical=True)
    return Authority(unsigned.sign(key, hashes.SHA256()), key)


def plan_of(certificate: Certificate) -> Plan:
    """The plan after which an authority was made, to make the next one alike."""
    owners = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return Plan(
        name=str(owners[0].value) if owners else NAME,
        constraints=Constraints.of(certificate),
        lifetime=certificate.not_valid_after_utc - certificate.not_valid_before_utc - dt.timedelta(days=1),
    )
