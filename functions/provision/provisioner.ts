import { projectorVariables, readEnvironment } from '../../core/environment.ts';
import type { ProjectedContract } from '../../core/store-contract.ts';
import { controlTable } from '../control.ts';
import type { OnEvent } from '../custom-resource.ts';
import type { Engine } from '../engines/engine.ts';
import { dynamoClient } from '../stores/dynamodb-client.ts';

/**
 * Gives a store its first target, so that projectors have somewhere to write and readers something to read. A store that
 * has one keeps it, and is told of the fields that the contract has gained; what else a changed contract needs is a rebuild,
 * which makes the next target beside it.
 */
export function provisioner(contract: ProjectedContract, engine: Engine): OnEvent {
  const { CONTROL_TABLE } = readEnvironment({ CONTROL_TABLE: projectorVariables.CONTROL_TABLE });
  const control = controlTable({ client: dynamoClient(), tableName: CONTROL_TABLE });
  const store = engine.open(contract, control);
  return async event => {
    if (event.RequestType === 'Delete') return undefined;
    const { current } = await control.readTargets(contract.store_name);
    const target = current ?? { store: contract.store_name, name: engine.firstTarget(contract) };
    await store.create(target);
    // A rebuild may be moving readers at this moment: those that have a target are its affair.
    if (!current || !(await store.current())) await store.cutOver(target);
    if (!current) await control.cutOver(target);
    return { PhysicalResourceId: `${contract.store_name}/target`, Data: { target: target.name } };
  };
}
