import { InvalidArgumentError, Option } from 'commander';
import { documentsOf, manifestOf } from '../../core/archive.ts';
import type { ArchiveCopy, ArchiveVerdict } from '../../core/archive-verification.ts';
import { DistributaryError } from '../../core/errors.ts';
import { type Command, EXIT, type ExitCode, type Session } from '../command.ts';

interface VerifyOptions {
  readonly head?: string;
}

const FAULTS_SHOWN = 10;
const BUCKET_URL = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\/?$/;

export const archiveVerifyCommand: Command<VerifyOptions> = {
  usage: 'verify <place>',
  summary: 'prove an archive from its own manifest, with access to nothing else',
  description: `The place is an archive's bucket, or a folder with a copy of it (aws s3 sync). Each segment of the manifest carries
the hash of the one before, and of each object that came in. Keep the last hash elsewhere and give it with --head the next
time: then nothing can have been taken off the end. Exits 1 when something is missing or not as it was written.`,
  examples: [
    { line: 'distributary archive verify ./case-archive', what: 'a copy' },
    { line: 'distributary archive verify s3://cases-archive', what: 'the bucket, with the credentials of the AWS SDK' },
  ],
  options: [new Option('--head <hash>', 'the last hash of an earlier verification').argParser(hash)],
  run: ([place = ''], options, session) => verify(place, options, session),
};

async function verify(place: string, { head }: VerifyOptions, { terminal, json, signal }: Session): Promise<ExitCode> {
  const { verifyArchive } = await import('../../core/archive-verification.ts');
  const { startProgress } = await import('../terminal/progress.ts');
  const copy = await opened(place);
  const targets = await targetsOf(copy, place);
  const verdicts: ArchiveVerdict[] = [];
  for (const target of targets) {
    const bar = startProgress(terminal, { title: `verify ${target}`, total: 1 });
    const onProgress = (done: number, total: number) => bar.update(done / total, `${done} of ${total} objects`);
    try {
      verdicts.push(await verifyArchive(copy, target, { onProgress, signal }));
    } finally {
      bar.stop();
    }
  }
  const isKnown = head === undefined || verdicts.some(({ hashes }) => hashes.includes(head));
  const isFine = isKnown && verdicts.every(({ faultCount }) => faultCount === 0);
  if (json) terminal.print(JSON.stringify({ fine: isFine, targets: verdicts.map(({ hashes: _, ...rest }) => rest) }));
  else {
    for (const verdict of verdicts) for (const line of verdictLines(verdict)) terminal.print(line);
    if (!isKnown) terminal.print(`no segment has the hash ${head}: the end of the chain is missing, or another`);
  }
  return isFine ? EXIT.fine : EXIT.found;
}

function* verdictLines(verdict: ArchiveVerdict): Iterable<string> {
  const { target, segments, proved, bytes, erased, unsealed, head, faults, faultCount } = verdict;
  yield `${target}: ${segments} segments, ${proved} objects proved (${bytes} bytes), ${erased} erased by a purge, ${unsealed} in no segment yet`;
  for (const { object, what } of faults.slice(0, FAULTS_SHOWN)) yield `  ${object} ${what}`;
  if (faultCount > FAULTS_SHOWN) yield `  and ${faultCount - FAULTS_SHOWN} more`;
  if (head !== null) yield `  head ${head}`;
}

async function opened(place: string): Promise<ArchiveCopy> {
  if (!place.startsWith('s3:')) {
    const { folderCopy } = await import('../archive/folder-copy.ts');
    return folderCopy(place);
  }
  const [, bucket] = BUCKET_URL.exec(place) ?? [];
  if (bucket === undefined) {
    const hint = 'give the bucket alone, such as s3://cases-archive, or a folder with a copy of it';
    throw new DistributaryError('usage', `${place} is no bucket`, { hint });
  }
  const { archiveObjects } = await import('../../functions/stores/archive-objects.ts');
  const { s3Client } = await import('../../functions/stores/s3-client.ts');
  const client = s3Client();
  await client.config.region().catch(() => {
    throw new DistributaryError('usage', 'no region is known', { hint: 'set AWS_REGION, or a profile by AWS_PROFILE' });
  });
  const objects = archiveObjects(client, bucket);
  return { list: objects.list, read: objects.get };
}

async function firstOf(names: AsyncIterable<string>): Promise<string | undefined> {
  for await (const name of names) return name;
  return undefined;
}

async function targetsOf(copy: ArchiveCopy, place: string): Promise<readonly string[]> {
  const targets: string[] = [];
  for (let after = ''; ; ) {
    const folder = (await firstOf(copy.list('', after)))?.split('/')[0];
    if (folder === undefined) break;
    const object = (await firstOf(copy.list(documentsOf(folder)))) ?? (await firstOf(copy.list(manifestOf(folder))));
    if (object !== undefined) targets.push(folder);
    // What comes after a slash, in the order of text: all that is in the folder is before it.
    after = `${folder}0`;
  }
  if (targets.length > 0) return targets;
  const hint = 'it has a folder per target, and therein documents/ and manifest/';
  throw new DistributaryError('usage', `${place} holds no archive`, { hint });
}

function hash(text: string): string {
  if (!/^[0-9a-f]{64}$/.test(text)) throw new InvalidArgumentError('It is no SHA-256 of 64 hexadecimal digits.');
  return text;
}
