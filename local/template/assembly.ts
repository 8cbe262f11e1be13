import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { DistributaryError } from '../../core/errors.ts';

/** A synthesised app as `cdk synth` leaves it: templates and the folders of their functions' bundles. */
export interface Assembly {
  /** Each stack after those it depends on. */
  readonly stacks: readonly Stack[];
}

export interface Stack {
  readonly name: string;
  readonly parameters: Readonly<Record<string, Parameter>>;
  readonly mappings: Readonly<Record<string, unknown>>;
  readonly conditions: Readonly<Record<string, unknown>>;
  readonly resources: Readonly<Record<string, RawResource>>;
  readonly outputs: Readonly<Record<string, Output>>;
  /** Object key in the bootstrap bucket → the folder or file that would be uploaded under it. */
  readonly assets: ReadonlyMap<string, string>;
}

const parameter = z.object({ Type: z.string(), Default: z.unknown() });
type Parameter = z.infer<typeof parameter>;

const output = z.object({ Value: z.unknown(), Export: z.object({ Name: z.unknown() }).optional() });
type Output = z.infer<typeof output>;

const rawResource = z.object({
  Type: z.string(),
  Properties: z.record(z.string(), z.unknown()).default({}),
  DependsOn: z.union([z.string().transform(one => [one]), z.array(z.string())]).default([]),
  Condition: z.string().optional(),
});
export type RawResource = z.infer<typeof rawResource>;

const template = z.object({
  Parameters: z.record(z.string(), parameter).default({}),
  Mappings: z.record(z.string(), z.unknown()).default({}),
  Conditions: z.record(z.string(), z.unknown()).default({}),
  Resources: z.record(z.string(), rawResource).default({}),
  Outputs: z.record(z.string(), output).default({}),
});

const manifest = z.object({
  artifacts: z.record(
    z.string(),
    z.object({
      type: z.string(),
      dependencies: z.array(z.string()).default([]),
      properties: z
        .looseObject({
          templateFile: z.string().optional(),
          stackName: z.string().optional(),
          file: z.string().optional(),
        })
        .default({}),
    }),
  ),
});
type Artifacts = z.infer<typeof manifest>['artifacts'];

const assetManifest = z.object({
  files: z
    .record(
      z.string(),
      z.object({
        source: z.object({ path: z.string() }),
        destinations: z.record(z.string(), z.object({ objectKey: z.string() })),
      }),
    )
    .default({}),
});

/** Reads the output folder of a synthesis. Throws `template-unsupported` when it is none, or holds nested assemblies. */
export function readAssembly(folder: string): Assembly {
  if (!existsSync(join(folder, 'manifest.json'))) {
    throw new DistributaryError('template-unsupported', `${folder} holds no manifest.json`, {
      hint: 'synthesise the app into this folder first',
    });
  }
  const { artifacts } = manifest.parse(readJson(folder, 'manifest.json'));
  const nested = Object.entries(artifacts).find(([, { type }]) => type === 'cdk:cloud-assembly');
  if (nested) throw new DistributaryError('template-unsupported', `${nested[0]}: a nested assembly (a CDK stage)`);
  const stacks = inOrder(artifacts).map(id => readStack(folder, id, artifacts));
  return { stacks };
}

const isStack = (artifacts: Artifacts, id: string): boolean => artifacts[id]?.type === 'aws:cloudformation:stack';

function inOrder(artifacts: Artifacts): string[] {
  const ordered = new Set<string>();
  const visit = (id: string): void => {
    if (ordered.has(id) || !isStack(artifacts, id)) return;
    artifacts[id]?.dependencies.forEach(visit);
    ordered.add(id);
  };
  Object.keys(artifacts).forEach(visit);
  return [...ordered];
}

function readStack(folder: string, id: string, artifacts: Artifacts): Stack {
  const { properties, dependencies } = artifacts[id]!;
  const file = properties.templateFile ?? `${id}.template.json`;
  const { Parameters, Mappings, Conditions, Resources, Outputs } = template.parse(readJson(folder, file));
  const assets = new Map<string, string>();
  for (const dependency of dependencies) {
    const assetFile = artifacts[dependency]?.properties.file;
    if (artifacts[dependency]?.type !== 'cdk:asset-manifest' || assetFile === undefined) continue;
    for (const { source, destinations } of Object.values(assetManifest.parse(readJson(folder, assetFile)).files)) {
      for (const { objectKey } of Object.values(destinations)) assets.set(objectKey, join(folder, source.path));
    }
  }
  return {
    name: properties.stackName ?? id,
    parameters: Parameters,
    mappings: Mappings,
    conditions: Conditions,
    resources: Resources,
    outputs: Outputs,
    assets,
  };
}

function readJson(folder: string, file: string): unknown {
  return JSON.parse(readFileSync(join(folder, file), 'utf8'));
}
