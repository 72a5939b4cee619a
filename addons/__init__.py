"""The mitmproxy engine: the only importer of mitmproxy. It carries facts to the gate and does what the gate says.

mitmproxy reads these variables when it is imported, and would then write the secrets of every TLS session to a file:
they are removed before any module here can import it.
"""

import os

for _variable in ("SSLKEYLOGFILE", "MITMPROXY_SSLKEYLOGFILE"):
    os.environ.pop(_variable, None)
