#!/bin/sh
# What a published package holds: the sources compiled to JavaScript with their types (`npm run check` checks those), and
# the contracts and scripts that they read.
set -eu
cd "$(dirname "$0")/.."
rm -rf dist
node_modules/.bin/tsc --project tsconfig.build.json
mkdir dist/canonical
cp canonical/*.sql dist/canonical/
for folder in contracts/stores contracts/aggregates; do
  mkdir "dist/$folder"
  cp "$folder"/*.yaml "dist/$folder/"
done
# What `cost` reckons with.
cp contracts/*.yaml dist/contracts/
