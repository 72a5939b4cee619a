"""How a system or a program is made to trust the authority and to use the proxy: steps, with commands to copy.

The steps hold the address of the proxy and nothing else from outside. They are the short form of
docs/how-to/send-programs-through-it.md, whose commands are tried by tests.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from gateway.pages.home import NAME, PAC


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to do on one system: sentences, and commands that begin with `$ `.

    `{proxy}` stands for the address of the proxy (`{host}` and `{port}` for its parts), `{pac}` for that of its
    auto-configuration, `{bypass}` for the value of NO_PROXY, and `{home}` for where the gateway's own pages are.
    """

    system: str
    steps: tuple[str, ...]

    def filled(self, proxy: str | None, bypass: str) -> tuple[str, ...]:
        """The steps for the proxy at `proxy` (`host:port`); without one, those that do not speak of it."""
        if proxy is None:
            kept = [step for step in self.steps if not any(word in step for word in _OF_THE_PROXY)]
            return tuple(step.replace("{home}", f"http://{NAME}") for step in kept)
        home = f"http://{proxy}"
        host, _, port = proxy.rpartition(":")
        values = {"proxy": proxy, "host": host, "port": port, "pac": home + PAC, "home": home, "bypass": bypass}
        return tuple(_WORD.sub(lambda found: values.get(found[1], found[0]), step) for step in self.steps)


_WORD: Final = re.compile(r"\{([a-z]+)\}")
_OF_THE_PROXY: Final = ("roxy", "roxies", "{pac}", "{bypass}", "daemon.json")
_FETCH: Final = "$ curl -fsS {home}/ca.pem -o gateway-ca.pem"

RECIPES: Final = (
    Recipe(
        "Windows",
        (
            "Open the DER file: Install Certificate, Local Machine, Trusted Root Certification Authorities.",
            "Or, as administrator:",
            "$ certutil -addstore -f Root gateway-ca.der",
            "Settings, Network & internet, Proxy, Use setup script: {pac}",
        ),
    ),
    Recipe(
        "macOS",
        (
            "Open the Apple profile and install it under System Settings, General, Device Management. Or:",
            "$ sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain gateway-ca.pem",
            "System Settings, Network, Details, Proxies, Automatic proxy configuration: {pac}",
        ),
    ),
    Recipe(
        "Linux: Debian, Ubuntu",
        (
            _FETCH,
            "$ sudo install -m 644 gateway-ca.pem /usr/local/share/ca-certificates/gateway-ca.crt",
            "$ sudo update-ca-certificates",
        ),
    ),
    Recipe(
        "Linux: Fedora, RHEL",
        (_FETCH, "$ sudo trust anchor gateway-ca.pem"),
    ),
    Recipe(
        "iPhone, iPad",
        (
            "Open the Apple profile in Safari, then Settings, General, VPN & Device Management, and install it.",
            "Switch it on: Settings, General, About, Certificate Trust Settings.",
            "Settings, Wi-Fi, the network, Configure Proxy, Automatic: {pac}",
        ),
    ),
    Recipe(
        "Android",
        (
            "Download the DER file. Settings, Security, More security settings, Install a certificate, CA certificate.",
            "Many apps trust only what came with the system; such apps need a managed device or to be spliced.",
            "Settings, Wi-Fi, the network, Proxy, Proxy Auto-Config: {pac}",
        ),
    ),
    Recipe(
        "Firefox",
        (
            "Settings, Privacy & Security, View Certificates, Authorities, Import: the PEM file, to identify websites.",
            "Or let it use those of the system: security.enterprise_roots.enabled in about:config.",
            "Settings, General, Network Settings, Automatic proxy configuration URL: {pac}",
        ),
    ),
    Recipe(
        "Chrome, Chromium, Edge",
        (
            "They use the system's proxy and trust on Windows and macOS. On Linux:",
            '$ certutil -d sql:$HOME/.pki/nssdb -A -t "C,," -n gateway -i gateway-ca.pem',
            "$ chromium --proxy-pac-url={pac}",
        ),
    ),
    Recipe(
        "Shells: curl, wget, most programs",
        (
            "$ export http_proxy=http://{proxy} https_proxy=http://{proxy}",
            "$ export no_proxy={bypass}",
            "$ curl --cacert gateway-ca.pem https://example.com/",
        ),
    ),
    Recipe(
        "Java",
        (
            "$ keytool -importcert -noprompt -cacerts -storepass changeit -alias gateway -file gateway-ca.pem",
            "$ java -Dhttps.proxyHost={host} -Dhttps.proxyPort={port} -jar program.jar",
            "And the same with http.proxyHost and http.proxyPort.",
        ),
    ),
    Recipe(
        "Node, npm",
        (
            "$ export NODE_EXTRA_CA_CERTS=$PWD/gateway-ca.pem",
            "$ npm config set proxy http://{proxy} && npm config set https-proxy http://{proxy}",
        ),
    ),
    Recipe(
        "Python, pip",
        (
            "The bundle holds the system's certificates and this one, for what is not inspected:",
            "$ cat /etc/ssl/certs/ca-certificates.crt gateway-ca.pem > bundle.pem",
            "$ export REQUESTS_CA_BUNDLE=$PWD/bundle.pem SSL_CERT_FILE=$PWD/bundle.pem",
            "$ pip config set global.proxy http://{proxy} && pip config set global.cert $PWD/bundle.pem",
        ),
    ),
    Recipe(
        "git",
        (
            "$ git config --global http.proxy http://{proxy}",
            "$ git config --global http.sslCAInfo $PWD/bundle.pem",
        ),
    ),
    Recipe(
        "Docker",
        (
            "For the daemon, in /etc/docker/daemon.json:",
            '$ {"proxies": {"http-proxy": "http://{proxy}", "https-proxy": "http://{proxy}", "no-proxy": "{bypass}"}}',
            "In an image, copy gateway-ca.pem to /usr/local/share/ca-certificates/gateway-ca.crt and run:",
            "$ update-ca-certificates",
        ),
    ),
)
