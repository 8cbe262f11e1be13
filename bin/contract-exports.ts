import type { Catalogue } from '../core/catalogue.ts';
import { asyncApi } from '../core/governance/asyncapi.ts';
import { exportedStores, odcsContract } from '../core/governance/odcs.ts';
import { Names } from '../lib/names.ts';

export const EXPORT_FORMATS = ['odcs', 'asyncapi'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export interface ExportedFile {
  /** From the folder that is exported to. */
  readonly path: string;
  readonly text: string;
}

/** Physical names are those of a deployment that is configured no further. */
const DEFAULT_PREFIX = 'distributary';
/** Of the interface as a whole; each message names its own schema's version. */
const INTERFACE_VERSION = '1.0.0';

export function contractExports(catalogue: Catalogue, format: ExportFormat): readonly ExportedFile[] {
  if (format === 'asyncapi') {
    return [{ path: 'asyncapi.yaml', text: asyncApi(catalogue, new Names(DEFAULT_PREFIX), INTERFACE_VERSION) }];
  }
  return exportedStores(catalogue).map(store => ({
    path: `odcs/${store.store_name}.yaml`,
    text: odcsContract(store, catalogue),
  }));
}
