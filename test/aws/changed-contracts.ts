import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Document, parseDocument } from 'yaml';
import { ROOT } from './deployment.ts';

/** File below `contracts/` → what is changed in it. */
export type ContractChanges = Readonly<Record<string, (contract: Document) => void>>;

/** A folder that deploys as this repository does, but for these changes of its contracts. */
export function withChangedContracts(folder: string, changes: ContractChanges): string {
  const root = join(folder, 'changed');
  mkdirSync(root);
  for (const name of ['contracts', 'cdk.json']) cpSync(join(ROOT, name), join(root, name), { recursive: true });
  for (const name of ['core', 'functions', 'canonical']) symlinkSync(join(ROOT, name), join(root, name));
  for (const [name, change] of Object.entries(changes)) {
    const file = join(root, 'contracts', name);
    const contract = parseDocument(readFileSync(file, 'utf8'));
    change(contract);
    writeFileSync(file, contract.toString());
  }
  return root;
}
