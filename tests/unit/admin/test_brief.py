from __future__ import annotations

from pathlib import Path

from gateway.admin.brief import Brief
from gateway.config.settings import AdminSettings, CertificateSettings, LogSettings
from gateway.policy.addresses import Address
from gateway.policy.names import Host


def test_a_brief_is_read_as_it_was_written(tmp_path: Path) -> None:
    settings = AdminSettings(
        bind=(Address.parse("127.0.0.1"), 8090),
        hosts=(Host.parse("gateway.corp.example"),),
        tls=CertificateSettings(certificate=Path("a.pem"), key=Path("a.key")),
        open_metrics=True,
    )
    brief = Brief.of(settings, tmp_path, "1.2.3", 7, LogSettings(level="debug", format="json"))

    found = Brief.read(str(brief))

    assert found == brief
    assert found.spoken == LogSettings(level="debug", format="json")
    assert (found.log, found.is_encrypted, found.hosts) == (tmp_path / "audit", True, ("gateway.corp.example",))


def test_without_a_certificate_it_speaks_no_tls(tmp_path: Path) -> None:
    brief = Brief.of(AdminSettings(bind=(Address.parse("::1"), 8090)), tmp_path, "1.2.3", 7)

    assert (brief.is_encrypted, brief.open_metrics, brief.folder) == (False, False, tmp_path)
