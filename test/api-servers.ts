import { randomUUID } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateTableCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { Json, JsonObject } from '../core/change.ts';
import { projection } from '../core/projection.ts';
import type { Store, Target } from '../core/store.ts';
import type { AggregateId, TenantId, Version } from '../core/version.ts';
import { Canonical as ApiCanonical } from '../functions/api/canonical.ts';
import { commandRoutes } from '../functions/api/commands/all.ts';
import { Cursors } from '../functions/api/cursor.ts';
import { frontDoor } from '../functions/api/front-door.ts';
import { Identity } from '../functions/api/identity.ts';
import { onceIn } from '../functions/api/once.ts';
import { PermissionCache } from '../functions/api/permission-cache.ts';
import { queryRoutes } from '../functions/api/queries/all.ts';
import type { QueryPorts } from '../functions/api/queries/ports.ts';
import { cursorKey } from '../functions/api/state-table.ts';
import { presignedUploads } from '../functions/api/uploads.ts';
import { controlTable } from '../functions/control.ts';
import { instruments } from '../functions/instruments.ts';
import caseSearch from '../functions/projectors/case-search.ts';
import caseTimeline from '../functions/projectors/case-timeline.ts';
import investigatorWorklist from '../functions/projectors/investigator-worklist.ts';
import { reads } from '../functions/reads.ts';
import { dynamoStore } from '../functions/stores/dynamodb.ts';
import { dynamoCache } from '../functions/stores/dynamodb-cache.ts';
import { dynamoClient } from '../functions/stores/dynamodb-client.ts';
import { openSearchStore } from '../functions/stores/opensearch.ts';
import { ask, openSearchClient } from '../functions/stores/opensearch-client.ts';
import { parquetStore } from '../functions/stores/parquet.ts';
import { factFormat } from '../functions/stores/parquet-file.ts';
import { manifest } from '../functions/stores/parquet-manifest.ts';
import { bucketObjects } from '../functions/stores/parquet-objects.ts';
import { s3Client } from '../functions/stores/s3-client.ts';
import { readCatalogue } from '../lib/contract-files.ts';
import { startAws } from '../local/aws.ts';
import { startDynamo } from '../local/dynamodb.ts';
import { startSearch } from '../local/search/index.ts';
import { openCanonical, openServer } from './canonical-fixture.ts';
import { ROOT } from './templates.ts';

// A request's log lines are many, and say nothing that a reply does not.
process.env.POWERTOOLS_LOG_LEVEL ??= 'SILENT';
process.env.POWERTOOLS_METRICS_DISABLED ??= 'true';

const ISSUER = 'https://issuer.example';
const AUDIENCE = 'cases';
const CONNECTION = { region: 'eu-central-1', credentials: { accessKeyId: 'x', secretAccessKey: 'x' } };
const PROJECTORS = [caseSearch, caseTimeline, investigatorWorklist];

export const catalogue = readCatalogue(ROOT);
const contractOf = (name: string) => catalogue.projected.find(({ store_name }) => store_name === name)!;
const cases = catalogue.aggregates.find(({ aggregate }) => aggregate === 'case')!;

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  // biome-ignore lint/suspicious/noExplicitAny: an answer is as deep as a test looks
  readonly body: any;
  readonly text: string;
}
export interface Ask {
  readonly user?: string;
  /** Instead of a good one for the user. */
  readonly token?: string;
  readonly body?: unknown;
  /** As it goes over the wire. */
  readonly rawBody?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Both functions of the API on real servers, without the pipeline: `project` is when the stores learn of changes. */
export async function openApiServers(searchChoice: 'real' | 'embedded' = 'embedded') {
  const folder = await mkdtemp(join(tmpdir(), 'distributary-api-'));
  await chmod(folder, 0o755);
  const [server, dynamo, aws, search] = await Promise.all([
    openServer(),
    startDynamo({ choice: 'dynalite', dataDir: join(folder, 'dynamodb'), onLog: () => {} }),
    startAws({ dataDir: join(folder, 'aws') }),
    startSearch({ choice: searchChoice, dataDir: join(folder, 'search'), onLog: () => {} }),
  ]);
  const db = await openCanonical(server.url);
  const client = dynamoClient({ ...CONNECTION, endpoint: dynamo.endpoint });
  const s3 = s3Client({
    ...CONNECTION,
    endpoint: aws.endpoint,
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
  });
  await Promise.all(['facts', 'evidence'].map(Bucket => s3.send(new CreateBucketCommand({ Bucket }))));
  await createTable(client, 'control', ['pk', 'sk']);
  await Promise.all(['api-state', 'permission-cache'].map(table => createTable(client, table, ['id'])));
  const control = controlTable({ client, tableName: 'control' });
  const openSearch = openSearchClient(search.url);
  const stores = [
    openSearchStore({ client: openSearch, contract: contractOf('case-search') }),
    dynamoStore({ client, contract: contractOf('case-timeline'), control, tableName: 'case-timeline' }),
    dynamoStore({ client, contract: contractOf('investigator-worklist'), control, tableName: 'investigator-worklist' }),
    parquetStore({ s3, control, contract: contractOf('case-facts'), bucket: 'facts' }),
  ];
  const names = ['case-search', 'case-timeline', 'investigator-worklist', 'case-facts'];
  for (const [index, store] of stores.entries()) await open(store, control, names[index]!);

  const canonicalAs = (role: string) => new ApiCanonical({ connectionString: db.url, options: `-c role=${role}` });
  const [canonical, queried] = [canonicalAs('distributary_app'), canonicalAs('distributary_query')];
  const mismatches = { count: 0 };
  /** What readers know of targets and canaries is as old as that, besides. */
  const readers = { aheadMs: 0 };
  const objects = bucketObjects(s3, 'facts');
  const ports: QueryPorts = {
    canonical: queried,
    permissions: new PermissionCache({
      cache: dynamoCache({ client, tableName: 'permission-cache' }),
      load: user => queried.permissionsOf(user),
    }),
    control,
    reads: reads(control, () => Date.now() + readers.aheadMs),
    cursors: new Cursors(() => cursorKey(client, 'api-state')),
    onMismatch: (_, count) => {
      mismatches.count += count;
    },
    onPermissions: () => {},
    cases,
    search: { client: openSearch, contract: contractOf('case-search') },
    timeline: { store: stores[1]!, contract: contractOf('case-timeline') },
    worklist: { client, contract: contractOf('investigator-worklist') },
    facts: {
      reader: { format: factFormat(contractOf('case-facts')), manifest: manifest(control, objects), objects },
      contract: contractOf('case-facts'),
    },
  };
  const commands = commandRoutes(
    {
      canonical,
      once: onceIn(client, 'api-state'),
      onMismatch: () => {
        mismatches.count += 1;
      },
    },
    presignedUploads(s3, 'evidence'),
  );
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const jwk = { ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256' };
  const identity = new Identity({ issuer: ISSUER, audience: AUDIENCE, keys: async () => ({ keys: [jwk] }) });
  const routes = [...queryRoutes(ports, commands), ...commands];
  // Everyone may ask as often as a test does.
  const rateLimit = { take: async () => ({ waitSeconds: 0, headers: { ratelimit: '', 'ratelimit-policy': '' } }) };
  const handler = frontDoor({ routes, identity, instruments: instruments('api-test'), rateLimit });

  const tokenFor = (
    user: string,
    more: { issuer?: string; audience?: string; expires?: string; key?: Parameters<SignJWT['sign']>[0] } = {},
  ) =>
    new SignJWT({})
      .setProtectedHeader({ alg: 'ES256', kid: 'one' })
      .setSubject(user)
      .setIssuer(more.issuer ?? ISSUER)
      .setAudience(more.audience ?? AUDIENCE)
      .setIssuedAt()
      .setExpirationTime(more.expires ?? '1h')
      .sign(more.key ?? privateKey);

  async function call(method: string, url: string, request: Ask = {}): Promise<Reply> {
    const token = request.token ?? (request.user && (await tokenFor(request.user)));
    const result = await handler(eventOf(method, url, request, token), contextOf());
    return replyOf(result);
  }

  return {
    db,
    client,
    control,
    routes,
    call,
    tokenFor,
    mismatches,
    readers,
    search: stores[0]!,
    openSearch,
    dynamo,
    permissions: ports.permissions,
    canonical,
    /** Brings every store up to the canonical store's state. */
    async project(): Promise<void> {
      const changes = await statesOf(db);
      for (const [index, store] of stores.entries()) {
        const contract = contractOf(names[index]!);
        const project = projection({
          contract,
          aggregates: [cases],
          projectors: PROJECTORS.filter(projector => projector.store === contract.store_name),
        });
        const target = (await store.current())!;
        await store.write(target, changes.map(project));
      }
      await ask(openSearch, { method: 'POST', path: '/_refresh' });
      for (const name of names) {
        for (const lane of ['standard', 'priority'] as const) await control.advanceWatermark(name, lane, Date.now());
      }
    },
    async close(): Promise<void> {
      await Promise.all([canonical.close(), queried.close()]);
      await db.close();
      await openSearch.close();
      await Promise.all([server.stop(), dynamo.stop(), aws.stop(), search.stop()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
export type ApiServers = Awaited<ReturnType<typeof openApiServers>>;

async function open(store: Store, control: ReturnType<typeof controlTable>, name: string): Promise<void> {
  const target: Target = { store: name, name: store.engine === 'dynamodb' ? name : `${name}.1.1` };
  await control.startBuilding(target);
  await store.create(target);
  await store.cutOver(target);
  if (store.engine === 'opensearch') await control.cutOver(target);
}

const createTable = (client: DynamoDBClient, TableName: string, keys: readonly string[]) =>
  client.send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: keys.map(AttributeName => ({ AttributeName, AttributeType: 'S' })),
      KeySchema: keys.map((AttributeName, index) => ({ AttributeName, KeyType: index === 0 ? 'HASH' : 'RANGE' })),
    }),
  );

interface StateRow {
  readonly tenant_id: string;
  readonly id: string;
  readonly version: string | number;
  readonly digest: string | number;
  readonly state: JsonObject;
}

/** The newest change of every case that there is or was. */
async function statesOf({ sql }: Awaited<ReturnType<typeof openCanonical>>) {
  const rows = await sql<StateRow>('select * from capture.case_rows(null, 100000)');
  const gone = await sql<StateRow>(
    `select distinct on (aggregate_id) tenant_id, aggregate_id as id, version from outbox
      where aggregate = 'case' and deleted order by aggregate_id, version desc`,
  );
  const common = ({ tenant_id, id, version }: StateRow) => ({
    id: `${version}@${id}`,
    aggregate: 'case',
    change: 'updated',
    key: id as AggregateId,
    tenant: tenant_id as TenantId,
    version: Number(version) as Version,
    lane: 'standard' as const,
    schemaVersion: cases.current.number,
    committedAt: Date.now(),
  });
  return [
    ...rows.map(row => ({ kind: 'state' as const, ...common(row), digest: Number(row.digest), state: row.state })),
    ...gone.map(row => ({ kind: 'deleted' as const, ...common(row), digest: 0 })),
  ];
}

function eventOf(method: string, url: string, { body, rawBody, headers }: Ask, token: string | undefined) {
  const { pathname, searchParams } = new URL(url, 'http://api.example');
  const text = rawBody ?? (body === undefined ? undefined : JSON.stringify(body));
  return {
    version: '2.0',
    rawPath: pathname,
    headers: {
      ...(token && { authorization: `Bearer ${token}` }),
      ...(text !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    queryStringParameters: Object.fromEntries(searchParams),
    requestContext: { http: { method, path: pathname }, requestId: randomUUID() },
    body: text,
    isBase64Encoded: false,
  } as unknown as APIGatewayProxyEventV2;
}

const contextOf = (): Context =>
  ({ awsRequestId: randomUUID(), functionName: 'api', getRemainingTimeInMillis: () => 20_000 }) as unknown as Context;

function replyOf({ statusCode = 0, headers = {}, body = '' }: APIGatewayProxyStructuredResultV2): Reply {
  return { status: statusCode, headers, body: JSON.parse(body || 'null') as Json, text: body };
}

/** People and companies to try the API with. */
export async function settle({ db: { sql } }: ApiServers) {
  const [bureau, acme, other] = [randomUUID(), randomUUID(), randomUUID()];
  await sql(
    `insert into tenants (id, name, kind) values ($1, 'Bureau', 'bureau'), ($2, 'Acme Bank', 'company'), ($3, 'Other Bank', 'company')`,
    [bureau, acme, other],
  );
  const person = async (tenant: string, role: string): Promise<string> => {
    const id = randomUUID();
    await sql(`insert into users (id, display_name) values ($1, 'Somebody')`, [id]);
    await sql(`insert into memberships (tenant_id, tenant_kind, user_id, role) values ($1, $2, $3, $4)`, [
      tenant,
      tenant === bureau ? 'bureau' : 'company',
      id,
      role,
    ]);
    return id;
  };
  return {
    bureau,
    acme,
    other,
    person,
    investigator: await person(bureau, 'investigator'),
    colleague: await person(bureau, 'investigator'),
    supervisor: await person(bureau, 'supervisor'),
    analyst: await person(bureau, 'analyst'),
    clerk: await person(acme, 'company-user'),
    stranger: await person(other, 'company-user'),
  };
}
