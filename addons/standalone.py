"""The gateway's forward proxy inside a stock mitmproxy: `mitmdump -s addons/standalone.py`.

The policy is the file in `--set wicketgate_policy=FILE` or in `WICKETGATE_POLICY`; the state folder (log, authority,
last good lists) is `--set wicketgate_state=DIR` or `WICKETGATE_STATE`. What cannot be guaranteed here is said at the
start. A mitmproxy that could not load a script would go on without it, so this file ends the process instead.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent

# mitmproxy puts the folder of a script in front of every other, where our modules would shadow those of others.
sys.path[:] = [each for each in sys.path if Path(each).resolve() != HERE]
if str(HERE.parent) not in sys.path:
    sys.path.append(str(HERE.parent))

try:
    from addons.stock.addon import StockAddon

    addons = [StockAddon()]
except BaseException as problem:  # noqa: BLE001 - whatever keeps the policy from being enforced ends the process
    sys.stderr.write(f"wicketgate: cannot be loaded here, install it beside mitmproxy: {problem}\n")
    sys.stderr.flush()
    os._exit(1)
