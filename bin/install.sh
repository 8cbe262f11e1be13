#!/bin/sh
# Installs from the lock file when node_modules is absent, older than the lock file, or lacks the pinned Node.
set -e
cd "$(dirname "$0")/.."
stamp=node_modules/.package-lock.json
if [ ! -f "$stamp" ] || [ package-lock.json -nt "$stamp" ] || [ ! -x node_modules/.bin/node ]; then
  echo 'distributary: installing from package-lock.json (once)'
  npm ci --no-audit --no-fund --loglevel=error
  touch "$stamp"
fi
if ! node_modules/.bin/node --version >/dev/null 2>&1; then
  echo 'distributary: the pinned Node is missing, because npm did not run install scripts.' >&2
  echo '  do: npm rebuild node esbuild, or remove ignore-scripts from your npm configuration' >&2
  exit 2
fi
