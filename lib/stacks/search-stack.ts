import { Fn } from 'aws-cdk-lib';
import { CfnSecurityGroupIngress, type IVpc, SecurityGroup, Vpc } from 'aws-cdk-lib/aws-ec2';
import type { Construct } from 'constructs';
import type { ProjectedContract } from '../../core/store-contract.ts';
import type { Configuration } from '../configuration-schema.ts';
import { tagWithRole } from '../data-role.ts';
import { SEARCH_ACCESS, WATCH_SEARCH } from '../entry-points.ts';
import { zonesOf } from '../network.ts';
import { SearchAccess } from '../search-access.ts';
import { addSearchAlarms } from '../search-alarms.ts';
import { SearchDomain } from '../search-domain.ts';
import { SearchWatch } from '../search-watch.ts';
import { type Blueprint, PipelineStack } from './pipeline-stack.ts';

/** Whether search needs anything of us: an OpenSearch of yours outside of a network does not. */
export const needsSearchStack = ({ searchUrl, searchSecurityGroupId }: Configuration): boolean =>
  searchUrl === undefined || searchSecurityGroupId !== undefined;

/** The domain that all search stores share, or the way to one of yours. */
export class SearchStack extends PipelineStack {
  constructor(scope: Construct, blueprint: Blueprint, contracts: readonly [ProjectedContract, ...ProjectedContract[]]) {
    super(scope, { ...blueprint, part: 'search', description: 'OpenSearch domain of the pipeline' });
    const { configuration, preset, shared } = blueprint;
    tagWithRole(this, ...contracts);
    const vpc = Vpc.fromVpcAttributes(this, 'Network', {
      vpcId: shared.read(this, 'vpcId'),
      availabilityZones: zonesOf(preset.zones),
    });
    if (configuration.searchSecurityGroupId === undefined) this.#create(vpc, contracts);
    else this.#adopt(vpc, configuration.searchSecurityGroupId);
  }

  #create(vpc: IVpc, contracts: readonly [ProjectedContract, ...ProjectedContract[]]): void {
    const { bundles, names, preset, shared } = this.blueprint;
    const domainName = names.searchDomain;
    const subnetIds = Fn.split(',', shared.read(this, 'subnetIds'), preset.zones);
    const clients = new SecurityGroup(this, 'Clients', { vpc, description: 'May connect to the search domain' });
    const access = new SearchAccess(this, 'Access', {
      bundle: bundles.of(SEARCH_ACCESS),
      functionName: names.function(SEARCH_ACCESS),
      domainName,
      placement: { subnetIds, securityGroupIds: [clients.securityGroupId] },
      logDays: preset.logDays,
    });
    const accessAdministrator = access.function.roleArn;
    const { domain } = new SearchDomain(this, 'Search', {
      domainName,
      contracts,
      vpc,
      subnetIds,
      clients,
      preset,
      accessAdministrator,
    });
    access.endpoint = domain.attrDomainEndpoint;
    this.#watch(domainName, contracts[0]);
    shared.publish(this, {
      searchEndpoint: domain.attrDomainEndpoint,
      searchClients: clients.securityGroupId,
      searchAccessArn: access.function.lambda.functionArn,
    });
  }

  #watch(domainName: string, contract: ProjectedContract): void {
    const { bundles, names, preset } = this.blueprint;
    const watch = new SearchWatch(this, 'Watch', {
      bundle: bundles.of(WATCH_SEARCH),
      functionName: names.function(WATCH_SEARCH),
      domainName,
      logDays: preset.logDays,
    });
    addSearchAlarms(this, { domainName, contract, watch, names, preset, topic: this.alarmTopic() });
  }

  /** Makes nothing but the rule that lets the pipeline in. */
  #adopt(vpc: IVpc, groupId: string): void {
    const clients = new SecurityGroup(this, 'Clients', { vpc, description: 'May connect to the search domain' });
    new CfnSecurityGroupIngress(this, 'LetsClientsIn', {
      groupId,
      sourceSecurityGroupId: clients.securityGroupId,
      ipProtocol: 'tcp',
      fromPort: 443,
      toPort: 443,
    });
    this.blueprint.shared.publish(this, { searchClients: clients.securityGroupId });
  }
}
