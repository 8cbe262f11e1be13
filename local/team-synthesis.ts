import { existsSync, readFileSync, rmSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { z } from 'zod';
import { DistributaryError } from '../core/errors.ts';
import { runApp } from './app-run.ts';

const cdkSchema = z.object({
  app: z.string('app is missing, the command that runs the CDK app'),
  context: z.record(z.string(), z.unknown()).default({}),
});

/** Templates name the folders of the functions' code, also when no CDK CLI asks for it. */
const CONTEXT = { 'aws:cdk:enable-asset-metadata': true };
/** This package, for an app whose repository has not installed it. */
const LENT = new URL(`./lent-package${import.meta.filename.slice(-3)}`, import.meta.url).href;

/**
 * Puts the templates and bundles of a team's repository into `outDir`: its app is run as the CDK CLI runs it. Its sources are
 * not known here, so every start synthesises. Throws `synthesis-failed` with what the app said.
 */
export async function synthesisedTeam(repository: string, outDir: string, signal: AbortSignal): Promise<string> {
  const { app, context } = readCdkFile(repository);
  rmSync(outDir, { recursive: true, force: true });
  let isMade = false;
  try {
    const { code, said } = await runApp({
      command: app,
      cwd: repository,
      env: {
        ...process.env,
        PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}`,
        NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --import=${LENT}`,
        CDK_OUTDIR: outDir,
        CDK_CONTEXT_JSON: JSON.stringify({ ...CONTEXT, ...context }),
      },
      signal,
    });
    isMade = code === 0 && existsSync(join(outDir, 'manifest.json'));
    if (isMade) return outDir;
    const text = said || `${app} made no templates`;
    throw new DistributaryError('synthesis-failed', `the templates of ${repository} cannot be made:\n${text}`, {
      hint: `correct what it says; npm run synth in ${repository} says it again`,
    });
  } finally {
    if (!isMade) rmSync(outDir, { recursive: true, force: true });
  }
}

/** Throws `synthesis-failed` for a folder that cannot be a team's repository, before anything is begun for it. */
export const mustBeTeam = (repository: string): void => void readCdkFile(repository);

function readCdkFile(repository: string): z.infer<typeof cdkSchema> {
  const file = join(repository, 'cdk.json');
  if (!existsSync(file)) {
    const hint = 'distributary new projector NAME --repository FOLDER makes one';
    throw new DistributaryError('synthesis-failed', `${repository} is no repository of a team: it has no cdk.json`, {
      hint,
    });
  }
  try {
    return cdkSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (cause) {
    const what = cause instanceof z.ZodError ? cause.issues.map(({ message }) => message).join('; ') : String(cause);
    throw new DistributaryError('synthesis-failed', what, { place: { file }, cause });
  }
}
