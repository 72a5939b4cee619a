"""Certificates for a front door, as the files that an operator brings."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gateway.config.settings import CertificateSettings, ServerTlsSettings
from tests.e2e.certificates import Certified, Wish, authority

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.config.settings import ClientAuth


@dataclass
class Keyring:
    """An authority with what it vouches for, as files in `folder`."""

    folder: Path
    root: Certified

    @classmethod
    def in_folder(cls, folder: Path) -> Keyring:
        """A new authority; its certificate is `root.pem`."""
        ring = cls(folder, authority())
        (folder / "root.pem").write_bytes(ring.root.pem)
        return ring

    def write(self, file: str, certified: Certified) -> CertificateSettings:
        """A certificate with chain, and its key, as two files."""
        whole = certified.whole
        at = whole.index(b"-----BEGIN CERTIFICATE")
        certificate, key = self.folder / f"{file}.pem", self.folder / f"{file}.key"
        certificate.write_bytes(whole[at:])
        key.touch(0o600)
        key.write_bytes(whole[:at])
        return CertificateSettings(certificate=certificate, key=key)

    def issue(self, file: str, *names: str, default: bool = False) -> CertificateSettings:
        """A certificate for these names."""
        return replace(self.write(file, self.root.signs(Wish(names=names))), default=default)

    def shows(
        self, *certificates: CertificateSettings, client_auth: ClientAuth = "off", crl: Path | None = None
    ) -> ServerTlsSettings:
        """Settings that show these, and measure clients by the authority."""
        asks = client_auth != "off"
        return ServerTlsSettings(
            certificates=certificates,
            client_auth=client_auth,
            client_ca=self.folder / "root.pem" if asks else None,
            client_crl=crl,
        )

    def client(self, certified: Certified | None = None) -> ssl.SSLContext:
        """What a client needs that believes the authority, and shows a certificate of its own."""
        context = ssl.create_default_context(cafile=str(self.folder / "root.pem"))
        if certified is not None:
            own = self.folder / "client.pem"
            own.write_bytes(certified.whole)
            context.load_cert_chain(own)
        return context
