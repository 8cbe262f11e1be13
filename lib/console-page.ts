import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { PACKAGE } from './package-file.ts';

const CONSOLE = join(PACKAGE, 'console');

/** A file of the page. */
export interface PageFile {
  readonly type: string;
  readonly body: string;
}

/** Bundles the console with the libraries that it uses, so that a browser asks nobody else. Takes some 50 ms. */
export function consolePage(): ReadonlyMap<string, PageFile> {
  const { outputFiles } = buildSync({
    entryPoints: { console: join(CONSOLE, 'main.tsx') },
    bundle: true,
    write: false,
    outdir: '/',
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    minify: true,
    legalComments: 'none',
    logLevel: 'silent',
  });
  const bundled = (name: string): string => outputFiles.find(({ path }) => path.endsWith(name))!.text;
  const own = (name: string): string => readFileSync(join(CONSOLE, name), 'utf8');
  return new Map([
    ['/', { type: 'text/html; charset=utf-8', body: own('index.html') }],
    ['/icon.svg', { type: 'image/svg+xml', body: own('icon.svg') }],
    ['/console.js', { type: 'text/javascript; charset=utf-8', body: bundled('.js') }],
    ['/console.css', { type: 'text/css; charset=utf-8', body: bundled('.css') }],
  ]);
}
