import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '..');

/** The rooms and what each may import of ours: the table of ARCHITECTURE.md. */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  contracts: ['core'],
  core: [],
  functions: ['core', 'contracts'],
  lib: ['core'],
  testing: ['core', 'functions', 'lib'],
  local: ['core', 'functions'],
  bin: ['core', 'functions', 'lib', 'local', 'contracts', 'testing'],
  console: [],
};
/** Names that say nothing of what is inside. */
const EMPTY_NAMES = /^(utils?|common|helpers?|types?|misc|shared)(\.ts)?$/;

const sources = Object.keys(ROOMS).flatMap(room =>
  readdirSync(join(ROOT, room), { recursive: true, encoding: 'utf8' })
    .filter(path => /\.tsx?$/.test(path))
    .map(path => join(room, path)),
);

const importsOf = (file: string): string[] => {
  const text = readFileSync(join(ROOT, file), 'utf8');
  const found = text.matchAll(/(?:from|import\()\s*'(\.[^']+)'|^import '(\.[^']+)'/gm);
  return [...found].map(([, named, bare]) => relative(ROOT, resolve(ROOT, dirname(file), named ?? bare ?? '')));
};

test('there are sources in every room', () => {
  expect(new Set(sources.map(file => file.split('/')[0]))).toEqual(new Set(Object.keys(ROOMS)));
});

test('each room imports only from the rooms below it', () => {
  const strays = sources.flatMap(file => {
    const room = file.split('/')[0]!;
    const allowed = [room, ...ROOMS[room]!];
    return importsOf(file)
      .filter(target => !allowed.includes(target.split('/')[0]!))
      .map(target => `${file} → ${target}`);
  });
  expect(strays).toEqual([]);
});

test('core does no input or output', () => {
  const doors =
    /from '(node:(fs|net|http|https|child_process|dgram|tls)[^']*|pg|@aws-sdk\/[^']+|@opensearch-project\/[^']+)'/;
  const strays = sources.filter(file => file.startsWith('core/') && doors.test(readFileSync(join(ROOT, file), 'utf8')));
  expect(strays).toEqual([]);
});

test('files are named for an idea, in kebab case', () => {
  const names = sources.flatMap(file => file.split('/').slice(1));
  expect(names.filter(name => EMPTY_NAMES.test(name) || !/^[a-z0-9.-]+$/.test(name))).toEqual([]);
});
