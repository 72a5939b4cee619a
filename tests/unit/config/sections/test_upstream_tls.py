from __future__ import annotations

from pathlib import Path

from gateway.config.sections.upstream_tls import with_paths_from
from gateway.config.settings import UpstreamTlsSettings
from tests.unit.config.objections import FORWARD, objections, read


def section(text: str) -> str:
    return f"listeners: [{FORWARD}]\nupstream_tls: {text}"


def test_whom_the_gateway_believes_is_read() -> None:
    found = read(
        section('{trust: [a.pem], system_roots: false, revoked: [b.crl], minimum: "1.3", handshake_timeout: 3s}')
    )

    assert [path.name for path in (*found.upstream_tls.trust, *found.upstream_tls.revoked)] == ["a.pem", "b.crl"]
    assert (found.upstream_tls.system_roots, found.upstream_tls.minimum) == (False, "1.3")
    assert found.upstream_tls.handshake_timeout == 3.0


def test_without_the_section_the_machine_is_believed() -> None:
    assert read(f"listeners: [{FORWARD}]").upstream_tls == UpstreamTlsSettings()


def test_paths_are_found_from_where_the_configuration_lies() -> None:
    settings = UpstreamTlsSettings(trust=(Path("a.pem"), Path("/etc/b.pem")), revoked=(Path("c.crl"),))

    assert with_paths_from(Path("/srv"), settings) == UpstreamTlsSettings(
        trust=(Path("/srv/a.pem"), Path("/etc/b.pem")), revoked=(Path("/srv/c.crl"),)
    )


def test_somebody_has_to_be_believed() -> None:
    nobody = "upstream_tls: nobody is trusted, so that no upstream can prove who it is: name authorities in `trust`"

    assert objections(section("{system_roots: false}")) == [nobody]


def test_what_is_no_safe_version_is_refused_and_so_is_a_key_that_means_nothing() -> None:
    key, version = sorted(objections(section('{minimum: "1.1", verify: false}')), key=len, reverse=True)

    assert version == "upstream_tls.minimum: `1.1` is unknown here, did you mean `1.3`?"
    assert key.startswith("upstream_tls: unknown key `verify`, known are `trust`, `system_roots`, `revoked`")
