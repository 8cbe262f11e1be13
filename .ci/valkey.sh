#!/usr/bin/env bash
# A server of Valkey's protocol for the tests of that engine: Debian's. Where there is none, and none can be installed, they
# are skipped by name.
set -uo pipefail
has() { command -v "$1" >/dev/null; }
installed() { apt-get install -y -qq --no-install-recommends redis-server; }
if has valkey-server || has redis-server; then exit 0; fi
if [ "$(id -u)" = 0 ] && has apt-get; then
  export DEBIAN_FRONTEND=noninteractive
  echo 'installing redis-server (once)'
  { installed || { apt-get update -qq && installed; }; } >/dev/null 2>&1
fi
has redis-server || echo 'neither valkey-server nor redis-server: tests of engine valkey are skipped'
