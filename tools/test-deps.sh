#!/bin/sh
# Install the programs that the end-to-end tests and the benchmarks start: one line per program, and what it is for.
set -eu

# program=package, where they differ
#   nginx      a real origin behind the reverse gateway, and the yardstick of the benchmarks
#   wrk        load for the benchmarks
#   curl wget git npm chromium   real clients of the forward proxy; certutil tells the browser whom to trust
#   node javac   more of them; node is also an engine for the script by which browsers choose the proxy
#   haproxy tinyproxy   more yardsticks of the benchmarks; h2load is their load of HTTP/2
#   rsyslogd   receives what the audit log exports over syslog; its module for TLS comes as a package of its own
#   promtool   reads our metrics as Prometheus does
#   redis-server   keeps limits that several machines share
#   zsh fish   shells that complete our commands; groff sets the manual page
#   systemd-analyze   reads the unit of the service
#   squid      another proxy: a parent of ours, and a yardstick of the benchmarks
#   nft ip     send the connections of a test's own network namespace to a transparent listener
WANTED="nginx haproxy tinyproxy h2load=nghttp2-client rsyslogd=rsyslog wrk curl wget git npm node=nodejs javac=default-jdk-headless chromium certutil=libnss3-tools promtool=prometheus redis-server systemd-analyze=systemd zsh fish groff squid=squid-openssl nft=nftables ip=iproute2"

missing=
for each in $WANTED; do
  PATH="$PATH:/usr/sbin:/sbin" command -v "${each%=*}" >/dev/null 2>&1 || missing="$missing ${each#*=}"
done
ls /usr/lib/*/rsyslog/lmnsd_gtls.so >/dev/null 2>&1 || missing="$missing rsyslog-gnutls"
[ -n "$missing" ] || { echo "test-deps: everything is there" >&2; exit 0; }

command -v apt-get >/dev/null 2>&1 || { echo "test-deps: no apt-get here, install by hand:$missing" >&2; exit 2; }
as_root=
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null 2>&1 || { echo "test-deps: run as root, or install by hand:$missing" >&2; exit 2; }
  as_root="sudo"
fi
echo "test-deps: installing$missing" >&2
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
# shellcheck disable=SC2086 # a list of words is meant
$as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
