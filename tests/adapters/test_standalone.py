from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from addons import standalone
from addons.stock.addon import StockAddon

SCRIPT = Path(standalone.__file__)


def test_the_script_brings_one_addon() -> None:
    assert [type(each) for each in standalone.addons] == [StockAddon]


def test_the_folder_of_the_script_hides_no_module() -> None:
    assert str(SCRIPT.parent) not in sys.path
    assert str(SCRIPT.parent.parent) in sys.path


def test_a_mitmproxy_without_the_gateway_beside_it_ends() -> None:
    done = subprocess.run([sys.executable, "-S", str(SCRIPT)], check=False, capture_output=True, text=True, timeout=20)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("wicketgate: cannot be loaded here, install it beside mitmproxy: No module named ")
