import type { Definition } from '../../core/projection.ts';
import type { OnEvent } from '../custom-resource.ts';
import { objectLock } from '../engines/s3-object-lock.ts';
import { provisioner } from './provisioner.ts';

/** The provisioning step of a store on this engine. */
export const provisionerFor = ({ contract }: Pick<Definition, 'contract'>): OnEvent =>
  provisioner(contract, objectLock);
