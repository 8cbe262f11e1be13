import { type AggregateContract, parseAggregateContract } from './aggregate-contract.ts';
import { DistributaryError, type Place } from './errors.ts';
import { hintOf, nearest } from './hint.ts';
import { PIPELINE_PARTS, takenStoreName } from './reserved-names.ts';
import { stateLeaves, stateValue } from './state-path.ts';
import { isProjected, type ProjectedContract, type StoreContract } from './store-contract.ts';
import { parseStoreContract } from './store-contract-rules.ts';
import { tableLayout } from './table-layout.ts';
import { type Defect, defectAt, FileDefects, locateDefects, type Path } from './yaml.ts';

/** A contract file as it was read. `file` is what messages call it, e.g. `contracts/stores/case-search.yaml`. */
export interface SourceFile {
  readonly file: string;
  readonly text: string;
}

/** All contracts of a pipeline; every reference between them leads somewhere. */
export interface Catalogue {
  readonly stores: readonly StoreContract[];
  readonly aggregates: readonly AggregateContract[];
  /** Those that get a projection pipeline, in the order of their names. */
  readonly projected: readonly ProjectedContract[];
  /** The store that decides, and that the relay reads. */
  readonly canonical: StoreContract;
  /** The log of its changes, out of which the relay publishes. */
  readonly outbox: StoreContract;
  /** What it was parsed from: where a message about a contract points into. */
  readonly sources: readonly SourceFile[];
}

/** SQS takes ten messages at once unless it may wait for more. */
const MAX_BATCH_WITHOUT_WINDOW = 10;
const MAX_BATCH_WINDOW_SECONDS = 300;
const MAX_FUNCTION_SECONDS = 900;

interface Parsed<T> extends SourceFile {
  readonly contract: T;
}

/** Parses every file and checks what no file can say alone. Throws `FileDefects` with all defects of all files. */
export function parseCatalogue(files: {
  readonly stores: readonly SourceFile[];
  readonly aggregates: readonly SourceFile[];
}): Catalogue {
  const defects: DistributaryError[] = [];
  const stores = parseEach(files.stores, parseStoreContract, defects);
  const aggregates = parseEach(files.aggregates, parseAggregateContract, defects);
  for (const { file, text, contract } of aggregates) {
    defects.push(...locateDefects([...fileNameRules('aggregate', contract.aggregate, file)], text, file));
  }
  for (const { file, text, contract } of stores) {
    defects.push(...locateDefects([...crossRules(contract, file, stores, aggregates)], text, file));
  }
  const [first, ...others] = defects;
  if (first) throw new FileDefects([first, ...others]);
  return assemble(
    stores.map(({ contract }) => contract),
    aggregates.map(({ contract }) => contract),
    [...files.stores, ...files.aggregates],
  );
}

function assemble(
  unsorted: readonly StoreContract[],
  aggregates: readonly AggregateContract[],
  sources: readonly SourceFile[],
): Catalogue {
  const stores = unsorted.toSorted((a, b) => (a.store_name < b.store_name ? -1 : 1));
  return {
    stores,
    aggregates,
    projected: stores.filter(isProjected),
    canonical: only(stores, 'canonical', 'the store that decides'),
    outbox: only(stores, 'integration', 'the outbox that the relay reads'),
    sources,
  };
}

function parseEach<T>(
  files: readonly SourceFile[],
  parse: (text: string, file: string) => T,
  defects: DistributaryError[],
): readonly Parsed<T>[] {
  return files.flatMap(({ file, text }) => {
    try {
      return [{ file, text, contract: parse(text, file) }];
    } catch (error) {
      if (!(error instanceof DistributaryError)) throw error;
      defects.push(...(error instanceof FileDefects ? error.defects : [error]));
      return [];
    }
  });
}

/** The pipeline has one PostgreSQL that it reads: one contract for the store, one for its outbox. */
function only(contracts: readonly StoreContract[], role: StoreContract['role'], what: string): StoreContract {
  const found = contracts.filter(contract => contract.role === role && contract.engine === 'postgresql');
  const [contract] = found;
  if (contract && found.length === 1) return contract;
  const names = found.map(({ store_name }) => store_name).join(', ') || 'none';
  const hint = `exactly one file under contracts/stores has role ${role} and engine postgresql: ${what}`;
  throw new DistributaryError('contract-missing', `contracts of role ${role} on postgresql: ${names}`, { hint });
}

function* crossRules(
  contract: StoreContract,
  file: string,
  stores: readonly Parsed<StoreContract>[],
  aggregates: readonly Parsed<AggregateContract>[],
): Iterable<Defect> {
  yield* fileNameRules('store_name', contract.store_name, file);
  yield* sourceRules(contract, stores);
  yield* aggregateRules(contract, aggregates);
  if (isProjected(contract)) {
    yield* deliveryRules(contract);
    yield* fromRules(contract, aggregates);
    yield* storeNameRules(contract, stores);
    if (contract.engine === 'dynamodb') yield* indexRules(contract);
  }
}

/** A message that names a store or an aggregate names its file too, and two files cannot describe one. */
function* fileNameRules(key: string, name: string, file: string): Iterable<Defect> {
  const base = file.slice(file.lastIndexOf('/') + 1);
  if (base !== `${name}.yaml`) yield defectAt([key], `${name} in file ${base}`, `name the file ${name}.yaml`);
}

function* aggregateRules({ aggregates = [] }: StoreContract, known: readonly Parsed<AggregateContract>[]) {
  const names = known.map(({ contract }) => contract.aggregate);
  for (const [index, aggregate] of aggregates.entries()) {
    if (names.includes(aggregate)) continue;
    const hint = `add contracts/aggregates/${aggregate}.yaml; ${hintOf(aggregate, names, 'aggregates')}`;
    yield defectAt(['aggregates', index], `unknown aggregate ${aggregate}`, hint);
  }
}

function* sourceRules(contract: StoreContract, stores: readonly Parsed<StoreContract>[]): Iterable<Defect> {
  const { canonical_source, aggregates = [] } = contract;
  if (canonical_source === undefined) return;
  const source = stores.find(other => other.contract.store_name === canonical_source)?.contract;
  if (source === undefined) {
    const names = stores.map(other => other.contract.store_name);
    yield defectAt(
      ['canonical_source'],
      `unknown store ${canonical_source}`,
      hintOf(canonical_source, names, 'stores'),
    );
    return;
  }
  if (source.role !== 'canonical') {
    const hint = 'derived stores are made from the canonical store, never from each other';
    yield defectAt(['canonical_source'], `store ${canonical_source} has role ${source.role}`, hint);
  }
  for (const [index, aggregate] of aggregates.entries()) {
    if (source.aggregates?.includes(aggregate)) continue;
    const hint = hintOf(aggregate, source.aggregates ?? [], 'aggregates');
    yield defectAt(['aggregates', index], `${canonical_source} has no aggregate ${aggregate}`, hint);
  }
}

function* deliveryRules({ delivery, freshness_contract }: ProjectedContract): Iterable<Defect> {
  const { batch_packs, batch_window, timeout } = delivery;
  const path = (key: keyof typeof delivery) => ['delivery', key];
  if (batch_packs > MAX_BATCH_WITHOUT_WINDOW && batch_window < 1) {
    const hint = `set batch_window to 1_second or more, or batch_packs to ${MAX_BATCH_WITHOUT_WINDOW} at most`;
    yield defectAt(path('batch_packs'), `${batch_packs} packs at once without a batch_window`, hint);
  }
  if (!Number.isInteger(batch_window) || batch_window > MAX_BATCH_WINDOW_SECONDS) {
    const hint = `whole seconds, ${MAX_BATCH_WINDOW_SECONDS} at most`;
    yield defectAt(path('batch_window'), `a batch_window of ${batch_window} s`, hint);
  }
  if (batch_window > freshness_contract.normal_p95) {
    const hint = `shorten it, or promise more than ${freshness_contract.normal_p95} s`;
    yield defectAt(path('batch_window'), `waiting ${batch_window} s cannot keep freshness_contract.normal_p95`, hint);
  }
  if (!Number.isInteger(timeout) || timeout < 1 || timeout > MAX_FUNCTION_SECONDS) {
    const hint = `whole seconds, ${MAX_FUNCTION_SECONDS} at most: a function gets no more`;
    yield defectAt(path('timeout'), `a timeout of ${timeout} s`, hint);
  }
}

/** Queues, functions and tables are called by the store. */
function* storeNameRules({ store_name }: ProjectedContract, stores: readonly Parsed<StoreContract>[]) {
  const others = stores.map(({ contract }) => contract).filter(isProjected);
  const taken = takenStoreName(
    store_name,
    others.map(other => other.store_name).filter(name => name !== store_name),
  );
  if (taken) yield defectAt(['store_name'], taken, `choose another store_name; taken: ${PIPELINE_PARTS.join(', ')}`);
}

/** The table's own rules, at the line of each index. */
function* indexRules(contract: ProjectedContract): Iterable<Defect> {
  for (const [name, keys] of Object.entries(contract.indexes ?? {})) {
    try {
      tableLayout({ ...contract, indexes: { [name]: keys } });
    } catch (error) {
      if (!(error instanceof DistributaryError)) throw error;
      yield { path: ['indexes', name], message: error.message, hint: error.hint, at: 'key' };
    }
  }
}

/** A field that names where it comes from comes from there, as what it is said to be. */
function* fromRules({ fields, aggregates }: ProjectedContract, known: readonly Parsed<AggregateContract>[]) {
  const sources = known.map(({ contract }) => contract).filter(({ aggregate }) => aggregates.includes(aggregate));
  if (sources.length < aggregates.length) return;
  for (const [name, { from, list }] of Object.entries(fields)) {
    if (from === undefined) continue;
    const values = sources.flatMap(source => stateValue(source, from) ?? []);
    if (values.length === 0) {
      const paths = sources.flatMap(source => stateLeaves(source).map(({ path }) => path));
      const near = nearest(from, paths);
      const hint = `${near ? `did you mean "${near}"? ` : ''}it is a path into the state of ${aggregates.join(', ')}`;
      yield defectAt(['fields', name, 'from'], `no state has ${from}`, hint);
    } else if (!list && values.every(value => value.list)) {
      yield defectAt(['fields', name, 'from'], `${from} is a list, and field ${name} is not`, 'add "list: true"');
    }
  }
}

/** Where in the contract of a store or an aggregate these keys are, or the nearest that there is above each. */
export function placesOf(
  { sources }: Catalogue,
  kind: 'stores' | 'aggregates',
  name: string,
  paths: readonly Path[],
): readonly Place[] {
  const source = sources.find(({ file }) => file.endsWith(`${kind}/${name}.yaml`));
  if (!source) return paths.map(() => ({ file: `contracts/${kind}/${name}.yaml` }));
  const located = locateDefects(
    paths.map(path => defectAt(path, '')),
    source.text,
    source.file,
  );
  return located.map(({ place }) => place ?? { file: source.file });
}

/** Of a catalogue's stores the one of that name. Throws `contract-missing`, naming the file to add. */
export function storeNamed({ stores }: Catalogue, name: string): StoreContract {
  const contract = stores.find(({ store_name }) => store_name === name);
  if (contract) return contract;
  const hint = hintOf(
    name,
    stores.map(({ store_name }) => store_name),
    'stores',
  );
  throw new DistributaryError('contract-missing', `store ${name} has no contract`, {
    hint: `add contracts/stores/${name}.yaml; ${hint}`,
  });
}
