"""The mitmproxy engine: the only importer of mitmproxy. It carries facts to the gate and does what the gate says."""
