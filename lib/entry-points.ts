import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Catalogue } from '../core/catalogue.ts';
import { copiedFieldDefects } from '../core/copied-fields.ts';
import { responsibilityMatrix } from '../core/governance/responsibility-matrix.ts';
import { isProtectedContract, type ProjectedContract, withoutGovernance } from '../core/store-contract.ts';
import { FileDefects, locateDefects } from '../core/yaml.ts';
import { consolePage } from './console-page.ts';
import { packageFile } from './package-file.ts';

export { PACKAGE, packageFile } from './package-file.ts';

/** Names of bundles. */
export const MIGRATE = 'migrate';
export const RELAY = 'relay';
export const GUARDIAN = 'guardian';
export const WATCH_SEARCH = 'watch-search';
export const SEARCH_ACCESS = 'search-access';
export const OPERATE = 'operate';
export const API_COMMANDS = 'api-commands';
export const API_QUERIES = 'api-queries';
export const API_KEYS = 'api-keys';
export const CONSOLE = 'console';
/** Of a store that a team deploys by itself. */
export const operateBundle = (store: string): string => `operate-${store}`;
export const projectorBundle = (store: string): string => `project-${store}`;
export const provisionBundle = (store: string): string => `provision-${store}`;
export const compactBundle = (store: string): string => `compact-${store}`;

/**
 * Name of each bundle → the text of its entry point. Those of a store carry its parsed contracts as part of the code: such
 * a function reads no file, and imports its own engine only. `root` is where `functions/projectors/` is looked for.
 */
export function entryPoints(catalogue: Catalogue, root: string): ReadonlyMap<string, string> {
  checkCopiedFields(catalogue, root);
  const entries = new Map<string, string>();
  for (const name of [MIGRATE, RELAY, GUARDIAN, SEARCH_ACCESS]) {
    entries.set(name, `export { handler } from ${ours(`${name}/index.ts`)};`);
  }
  // The container of the relay runs what the function runs.
  entries.set(RELAY, `${entries.get(RELAY)} export { serve } from ${ours('relay/service.ts')};`);
  entries.set(WATCH_SEARCH, `export { handler } from ${ours('guardian/domain.ts')};`);
  for (const contract of catalogue.projected) {
    for (const [name, text] of storeEntryPoints(contract, catalogue, root)) entries.set(name, text);
  }
  entries.set(OPERATE, operate(catalogue.projected, catalogue, root));
  for (const [name, text] of apiEntryPoints(catalogue)) entries.set(name, text);
  entries.set(CONSOLE, consoleEntryPoint(catalogue));
  return entries;
}

/** Those of one store. */
export function storeEntryPoints(
  contract: ProjectedContract,
  catalogue: Catalogue,
  root: string,
): ReadonlyMap<string, string> {
  const { store_name, engine } = contract;
  const definition = definitionOf(contract, catalogue);
  const entries = new Map([
    [projectorBundle(store_name), projector(contract, definition, root)],
    [provisionBundle(store_name), provision(engine, definition)],
  ]);
  if (engine === 's3') entries.set(compactBundle(store_name), compact(definition));
  return entries;
}

/** Those of a store that a team deploys by itself, and operates by itself. */
export const teamEntryPoints = (
  contract: ProjectedContract,
  catalogue: Catalogue,
  root: string,
): ReadonlyMap<string, string> =>
  new Map([
    ...storeEntryPoints(contract, catalogue, root),
    [operateBundle(contract.store_name), operate([contract], catalogue, root)],
  ]);

/** Of the API, where the stores that it asks are there. */
function apiEntryPoints({ projected, aggregates, stores: all }: Catalogue): ReadonlyMap<string, string> {
  const contract = (name: string) => projected.find(({ store_name }) => store_name === name);
  const stores = {
    search: contract('case-search'),
    timeline: contract('case-timeline'),
    worklist: contract('investigator-worklist'),
    facts: contract('case-facts'),
  };
  const cases = aggregates.find(({ aggregate }) => aggregate === 'case');
  if (!cases || Object.values(stores).includes(undefined)) return new Map();
  const isOnValkey = all.some(({ store_name, engine }) => store_name === 'permission-cache' && engine === 'valkey');
  const plain = Object.entries(stores).map(([use, store]) => [use, store && withoutGovernance(store)] as const);
  const definitions = JSON.stringify({ cases, ...Object.fromEntries(plain) });
  return new Map([
    [
      API_COMMANDS,
      `import { commandsFunction } from ${ours('api/commands-function.ts')};
       export const handler = await commandsFunction();`,
    ],
    [
      API_QUERIES,
      `import { queriesFunction } from ${ours('api/queries-function.ts')};
       import { cache } from ${ours(`engines/${isOnValkey ? 'valkey' : 'dynamodb'}-cache.ts`)};
       export const handler = await queriesFunction(${definitions}, cache);`,
    ],
    [
      API_KEYS,
      `import { keysFunction } from ${ours('api/keys-function.ts')};
       export const handler = keysFunction();`,
    ],
  ]);
}

/** The page and what is on it of the contracts: the function reads no file. */
function consoleEntryPoint(catalogue: Catalogue): string {
  const content = {
    page: Object.fromEntries(consolePage()),
    stores: catalogue.projected.map(({ store_name: store, engine, freshness_contract: contract }) => ({
      ...{ store, engine },
      ...{ normalSeconds: contract.normal_p95, maximumSeconds: contract.maximum_before_alert },
    })),
    responsibilities: responsibilityMatrix(catalogue),
  };
  return `
    import { consoleFunction } from ${ours('operate-http/index.ts')};
    export const handler = consoleFunction(${JSON.stringify(content)});`;
}

/** Knows each of these stores, for it backfills and compares them. */
function operate(contracts: readonly ProjectedContract[], catalogue: Catalogue, root: string): string {
  const files = contracts.map(contract => projectorFiles(contract, root));
  const imports = files.flatMap((own, store) =>
    own.map((file, index) => `import projector${store}_${index} from ${JSON.stringify(file)};`),
  );
  const definitions = contracts.map((contract, store) => {
    const projectors = files[store]!.map((_, index) => `projector${store}_${index}`);
    return `{ ${definitionOf(contract, catalogue)}, projectors: [${projectors}] }`;
  });
  return `
    import { handlerFor } from ${ours('operate/index.ts')};
    ${imports.join('\n')}
    export const handler = handlerFor([${definitions.join(',')}]);`;
}

function projector(contract: ProjectedContract, definition: string, root: string): string {
  const files = projectorFiles(contract, root);
  return `
    import { handlerFor } from ${ours(`projector/${isProtectedContract(contract) ? 'protected-' : ''}${contract.engine}.ts`)};
    ${files.map((file, index) => `import projector${index} from ${JSON.stringify(file)};`).join('\n')}
    export const handler = handlerFor({ ${definition}, projectors: [${files.map((_, index) => `projector${index}`)}] });`;
}

const provision = (engine: string, definition: string): string => `
    import { provisionerFor } from ${ours(`provision/${engine}.ts`)};
    import { customResource } from ${ours('custom-resource.ts')};
    export const handler = customResource(provisionerFor({ ${definition} }));`;

const compact = (definition: string): string => `
    import { compactorFor } from ${ours('compact/index.ts')};
    export const handler = compactorFor({ ${definition} });`;

/** `case-search.ts` for a store made of one aggregate, `case-search-party.ts` for each further one; none is needed. */
export function projectorFiles({ store_name, aggregates }: ProjectedContract, root: string): readonly string[] {
  return [store_name, ...aggregates.map(aggregate => `${store_name}-${aggregate}`)]
    .map(name => resolve(root, 'functions', 'projectors', `${name}.ts`))
    .filter(file => existsSync(file));
}

/** Throws `FileDefects` when a field can come from nowhere, or not as what it is. A projector is trusted to make its fields. */
export function checkCopiedFields({ projected, aggregates, sources }: Catalogue, root: string): void {
  const defects = projected
    .filter(contract => projectorFiles(contract, root).length === 0)
    .flatMap(contract => {
      const source = sources.find(({ file }) => file.endsWith(`stores/${contract.store_name}.yaml`));
      return source ? locateDefects([...copiedFieldDefects(contract, aggregates)], source.text, source.file) : [];
    });
  const [first, ...others] = defects;
  if (first) throw new FileDefects([first, ...others]);
}

function definitionOf(contract: ProjectedContract, { aggregates }: Catalogue): string {
  const own = aggregates.filter(({ aggregate }) => contract.aggregates.includes(aggregate));
  return `contract: ${JSON.stringify(withoutGovernance(contract))}, aggregates: ${JSON.stringify(own)}`;
}

const ours = (path: string): string => JSON.stringify(packageFile(join('functions', path)));
