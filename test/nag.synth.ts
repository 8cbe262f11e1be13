import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type App, CfnResource, type IPolicyValidationContext, TagManager } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { ACKNOWLEDGEMENTS } from '../lib/acknowledgements.ts';
import { AcknowledgedPack, nagPacks } from '../lib/nag.ts';
import { synthesise } from '../lib/pipeline-app.ts';
import { DATABASE, PLAIN_DATABASE, SEARCH } from './adopted-resources.ts';
import { bundled, ROOT } from './templates.ts';

/** Deployments that differ in what cdk-nag finds. */
const VARIANTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  small: { size: 'small' },
  production: { size: 'production' },
  service: { relay: 'service' },
  adopted: { ...DATABASE, ...SEARCH, tokenIssuer: 'https://login.example', tokenAudience: 'cases' },
  'adopted with secrets': { ...PLAIN_DATABASE, relay: 'service' },
  emulator: { target: 'local', databaseUrl: 'postgresql://a@b/c', searchUrl: 'http://127.0.0.1:9200' },
};

const folder = mkdtempSync(join(tmpdir(), 'distributary-nag-'));
const apps = new Map<string, App>();
beforeAll(async () => {
  const bundles = await bundled();
  for (const [name, context] of Object.entries(VARIANTS)) {
    const outdir = join(folder, name);
    apps.set(name, await synthesise({ root: ROOT, outdir, context, checkTemplates: false, bundles }));
  }
  bundles.dispose();
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true }));

const contextOf = (name: string) => ({ appConstruct: apps.get(name)! }) as unknown as IPolicyValidationContext;
const packs = nagPacks();

test.each(Object.keys(VARIANTS))('cdk-nag finds nothing in %s that is not acknowledged', name => {
  const found = packs.flatMap(pack => pack.validate(contextOf(name)).violations);
  expect(found.map(({ ruleName, violatingResources }) => ({ ruleName, violatingResources }))).toEqual([]);
});

test('no acknowledgement outlives what it was for, and each says why in a sentence', () => {
  for (const name of apps.keys()) for (const pack of packs) pack.validate(contextOf(name));
  const used = new Set(packs.flatMap(pack => [...pack.used]));
  expect(ACKNOWLEDGEMENTS.filter(acknowledgement => !used.has(acknowledgement))).toEqual([]);
  for (const { reason } of ACKNOWLEDGEMENTS) expect(reason.split(' ').length).toBeGreaterThan(5);
});

test('an acknowledgement holds for the finding, and in the places, that it names, and nowhere else', () => {
  const wildcard = ACKNOWLEDGEMENTS.find(({ rule }) => rule === 'AwsSolutions-IAM5')!;
  const ofRelayOnly = { ...wildcard, at: /\/Relay\/Role\/DefaultPolicy\/Resource$/ };
  const { violations } = new AcknowledgedPack(new AwsSolutionsChecks(), [ofRelayOnly]).validate(contextOf('small'));
  const { violatingResources = [] } = violations.find(({ ruleName }) => ruleName.endsWith('[Resource::*]')) ?? {};
  const places = violatingResources.map(({ constructPath }) => constructPath);
  expect(places).toContain('distributary-case-search/Projection/Projector/Role/DefaultPolicy/Resource');
  expect(places).not.toContain('distributary-relay/Relay/Relay/Role/DefaultPolicy/Resource');
  expect(violations.map(({ ruleName }) => ruleName)).toContainEqual(
    expect.stringContaining('[Resource::<RelayPayloads'),
  );
});

test('every resource of a store that can be tagged says whose it is', () => {
  const tagged = apps
    .get('small')!
    .node.findAll()
    .filter(({ node }) => /^distributary-(case-|investigator-|relay)/.test(node.path))
    .flatMap(node => (CfnResource.isCfnResource(node) ? (TagManager.of(node) ?? []) : []));
  expect(tagged.length).toBeGreaterThan(40);
  for (const tags of tagged) {
    expect(
      Object.keys(tags.tagValues())
        .filter(key => key.startsWith('data:'))
        .sort(),
    ).toEqual(['data:canonical-source', 'data:freshness', 'data:owner', 'data:pii', 'data:role', 'data:store']);
  }
});
