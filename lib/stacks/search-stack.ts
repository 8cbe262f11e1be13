import { Fn } from 'aws-cdk-lib';
import { Vpc } from 'aws-cdk-lib/aws-ec2';
import type { Construct } from 'constructs';
import type { ProjectedContract } from '../../core/store-contract.ts';
import { SearchDomain } from '../search-domain.ts';
import { type Blueprint, PipelineStack } from './pipeline-stack.ts';

/** The domain that all search stores share. */
export class SearchStack extends PipelineStack {
  constructor(scope: Construct, blueprint: Blueprint, contracts: readonly [ProjectedContract, ...ProjectedContract[]]) {
    super(scope, { ...blueprint, part: 'search', description: 'OpenSearch domain of the pipeline' });
    const { names, preset, shared } = blueprint;
    const subnetIds = Fn.split(',', shared.read(this, 'subnetIds'), preset.zones);
    const availabilityZones = subnetIds.map((_, index) => Fn.select(index, Fn.getAzs()));
    const vpc = Vpc.fromVpcAttributes(this, 'Network', { vpcId: shared.read(this, 'vpcId'), availabilityZones });
    const { domain, clients } = new SearchDomain(this, 'Search', {
      domainName: names.searchDomain,
      contracts,
      vpc,
      subnetIds,
      preset,
    });
    shared.publish(this, { searchEndpoint: domain.attrDomainEndpoint, searchClients: clients.securityGroupId });
  }
}
