import { createRequire } from 'node:module';
import { z } from 'zod';
import { runbookPath } from '../generated-pages.ts';
import type { DraftFile } from './projector-files.ts';

const packageSchema = z.object({
  version: z.string(),
  peerDependencies: z.record(z.string(), z.string()),
  devDependencies: z.record(z.string(), z.string()),
});

/** A team's repository around its first store: what installs, checks, tests, synthesises and deploys it. */
export function repositoryFilesOf(store: string): readonly DraftFile[] {
  return [
    { path: 'package.json', text: json(packageOf(store)) },
    { path: 'tsconfig.json', text: json(TYPESCRIPT) },
    { path: 'biome.json', text: json(BIOME) },
    { path: 'cdk.json', text: json({ app: 'node app.ts', context: { prefix: 'distributary' } }) },
    { path: 'app.ts', text: appText(store) },
    { path: '.gitignore', text: 'node_modules/\ncdk.out/\n' },
    { path: 'README.md', text: readme(store) },
  ];
}

/** As Biome formats it: short lists on one line. */
const json = (value: unknown): string =>
  `${JSON.stringify(value, undefined, 2).replaceAll(/\[[^[\]{}]*\]/g, list =>
    list
      .replaceAll(/\s*\n\s*/g, ' ')
      .replace('[ ', '[')
      .replace(' ]', ']'),
  )}\n`;

/** The same versions that the package itself is tested with. */
function packageOf(store: string): object {
  const ours = packageSchema.parse(createRequire(import.meta.url)('distributary/package.json'));
  const pick = (from: Readonly<Record<string, string>>, names: readonly string[]) =>
    Object.fromEntries(names.map(name => [name, from[name]]));
  return {
    name: store,
    private: true,
    type: 'module',
    scripts: {
      test: 'node --test',
      check: 'tsc --noEmit && biome check .',
      synth: 'cdk synth --quiet',
      deploy: 'cdk deploy',
    },
    // npm 12 runs no install script unless it is named here.
    allowScripts: { node: true, esbuild: true },
    dependencies: { ...pick(ours.peerDependencies, ['aws-cdk-lib', 'constructs']), distributary: `^${ours.version}` },
    devDependencies: pick(ours.devDependencies, ['@biomejs/biome', '@types/node', 'aws-cdk', 'node', 'typescript']),
  };
}

const TYPESCRIPT = {
  compilerOptions: {
    target: 'es2024',
    module: 'nodenext',
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    erasableSyntaxOnly: true,
    verbatimModuleSyntax: true,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
    noEmit: true,
  },
  include: ['*.ts', 'functions', 'test'],
};

const BIOME = {
  files: { includes: ['**', '!cdk.out'] },
  formatter: { indentStyle: 'space', indentWidth: 2, lineWidth: 120 },
  javascript: { formatter: { quoteStyle: 'single', arrowParentheses: 'asNeeded' } },
};

const appText = (store: string): string => `import { App } from 'aws-cdk-lib';
import { TeamProjection } from 'distributary/cdk';

const app = new App();
new TeamProjection(app, '${store}');
`;

const readme = (store: string): string => `# ${store}

A projection of a distributary pipeline: its own queues, functions, store and
alarms, fed by the pipeline's topic. The pipeline needs neither an edit nor a deployment for it.

- \`contracts/stores/${store}.yaml\` says what the store is for, who owns it, how fresh it must be and what is in it.
- \`functions/projectors/${store}.ts\` makes a document of a state. It never writes: the store's writer does, only if newer.
- \`test/${store}.test.ts\` runs every known way in which such pipelines have gone wrong on it.
- \`app.ts\` is the stack. \`prefix\` in \`cdk.json\` is the pipeline's.
- \`${runbookPath(store)}\` is what its alarms name. After the contract has changed:
  \`npx distributary contract runbook ${store} > ${runbookPath(store)}\`

\`\`\`
npm install
npm test
npm run check
npm run deploy
\`\`\`

\`distributary\` comes from your registry. Where it is in none: \`npm pack\` in the pipeline's repository, and here
\`npm install <the file that it wrote>\` in the place of the first line.

Beside a local pipeline, in the pipeline's repository: \`npx distributary dev --with ../${store}\`.
`;
