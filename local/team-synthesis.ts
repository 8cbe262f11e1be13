import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { z } from 'zod';
import { DistributaryError } from '../core/errors.ts';

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
export async function synthesisedTeam(repository: string, outDir: string): Promise<string> {
  const { app, context } = readCdkFile(repository);
  rmSync(outDir, { recursive: true, force: true });
  const child = spawn(app, {
    cwd: repository,
    shell: true,
    env: {
      ...process.env,
      PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}`,
      NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --import=${LENT}`,
      CDK_OUTDIR: outDir,
      CDK_CONTEXT_JSON: JSON.stringify({ ...CONTEXT, ...context }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => said.push(chunk));
  const code = await new Promise<number | null>((done, failed) => child.once('close', done).once('error', failed));
  if (code === 0 && existsSync(join(outDir, 'manifest.json'))) return outDir;
  const text = Buffer.concat(said).toString().trim() || `${app} made no templates`;
  throw new DistributaryError('synthesis-failed', `the templates of ${repository} cannot be made:\n${text}`, {
    hint: `correct what it says; npm run synth in ${repository} says it again`,
  });
}

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
