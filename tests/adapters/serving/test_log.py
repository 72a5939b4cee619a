from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from addons.serving.log import log_of, options_of
from gateway.audit.proof.verifying import verify
from gateway.config.settings import AuditSettings, ProofSettings
from tests.unit.audit.logs import event, whole_log
from tests.unit.config.objections import FORWARD, read

if TYPE_CHECKING:
    from pathlib import Path


def test_the_writer_goes_by_what_the_configuration_says() -> None:
    options = options_of(AuditSettings(durability="sync", on_failure="open", segment_size=7, retain={"end": 1.0}))

    assert (options.durability, options.on_failure, options.segment_size) == ("sync", "open", 7)
    assert (options.retain, options.compress) == ({"end": 1.0}, True)


def test_a_log_is_proved_if_that_is_wanted(tmp_path: Path) -> None:
    settings = read(f"listeners: [{FORWARD}]")
    proved = log_of(replace(settings, state=tmp_path / "proved"))
    plain = log_of(replace(settings, state=tmp_path / "plain", proof=ProofSettings(enabled=False)))
    for each in (proved, plain):
        each.start()
        each.append(event(1))
        each.close()

    assert [each["event"] for each in whole_log(tmp_path / "plain" / "audit")] == ["note"]
    assert verify(tmp_path / "proved" / "audit").undecided is None
    assert verify(tmp_path / "plain" / "audit").undecided is not None


def test_who_only_owns_the_log_loads_nothing_of_the_engine() -> None:
    script = "import sys, addons.workers.supervisor; print('mitmproxy' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"
