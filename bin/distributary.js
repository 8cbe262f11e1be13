#!/usr/bin/env node
import { existsSync } from 'node:fs';

/** In this repository the sources run as they are; Node runs no TypeScript inside node_modules, so a package is compiled. */
const isSource = existsSync(new URL('distributary.ts', import.meta.url));
const isInstalled = existsSync(new URL('../node_modules/.bin/node', import.meta.url));
if (isSource && !(isInstalled && process.features.typescript)) {
  const [what, hint] = isInstalled
    ? [`Node ${process.versions.node} runs no TypeScript`, 'npx distributary, which takes the pinned Node']
    : ['nothing is installed yet', 'npm start, npm test, or sh bin/install.sh; then this again'];
  console.error(`distributary: ${what}\n  do: ${hint}`);
  process.exit(2);
}
await import(isSource ? './distributary.ts' : '../dist/bin/distributary.js');
