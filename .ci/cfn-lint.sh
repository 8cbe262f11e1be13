#!/usr/bin/env bash
# AWS's own rules for templates, over those of each size, of each form of the relay and of each engine of the cache. cfn-lint
# is Python: it gets an environment of its own, once, in the user's cache.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/node_modules/.bin:$PATH"
version=1.58.0
environment="${XDG_CACHE_HOME:-$HOME/.cache}/distributary/cfn-lint-$version"
if ! "$environment/bin/cfn-lint" --version >/dev/null 2>&1; then
  echo "installing cfn-lint $version (once)"
  rm -rf "$environment"
  python3 -m venv "$environment"
  "$environment/bin/pip" install --quiet --disable-pip-version-check "cfn-lint==$version"
fi

templates=$(mktemp -d)
trap 'rm -rf "$templates"' EXIT
# The folder of the contracts, where the templates go, and what the deployment is told.
synthesise() {
  (cd "$1" && CDK_OUTDIR="$templates/$2" CDK_CONTEXT_JSON="$3" node "$OLDPWD/bin/app.ts" --unchecked 2>"$templates/said") ||
    { cat "$templates/said" >&2; exit 1; }
}
synthesise . small '{"size":"small"}'
synthesise . production '{"size":"production","relay":"service"}'
node --input-type=module -e 'import { rootOnValkey } from "./test/valkey-root.ts"; rootOnValkey(process.argv[1])' "$templates/root"
synthesise "$templates/root" valkey '{"size":"production"}'
# W3005: every function of CDK depends on its role in so many words, and on its policies by the same.
"$environment/bin/cfn-lint" --non-zero-exit-code informational --ignore-checks W3005 --template "$templates"/*/*.template.json
echo "$(ls "$templates"/*/*.template.json | wc -l) templates without a finding"
