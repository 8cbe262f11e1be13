#!/usr/bin/env node
import { existsSync } from 'node:fs';

/** In this repository the sources run as they are; Node runs no TypeScript inside node_modules, so a package is compiled. */
const isSource = existsSync(new URL('distributary.ts', import.meta.url));
await import(isSource ? './distributary.ts' : '../dist/bin/distributary.js');
