import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import { type ISecurityGroup, type IVpc, Port, SecurityGroup } from 'aws-cdk-lib/aws-ec2';
import { AccountRootPrincipal, PolicyDocument, PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { CfnResourcePolicy, LogGroup } from 'aws-cdk-lib/aws-logs';
import { CfnDomain } from 'aws-cdk-lib/aws-opensearchservice';
import { Construct } from 'constructs';
import type { ProjectedContract } from '../core/store-contract.ts';
import { tagWithRole } from './data-role.ts';
import type { Preset } from './presets.ts';

export interface SearchDomainProps {
  readonly domainName: string;
  /** The stores whose indexes live in it. */
  readonly contracts: readonly [ProjectedContract, ...ProjectedContract[]];
  readonly vpc: IVpc;
  /** At least as many as zones are used. */
  readonly subnetIds: readonly string[];
  readonly preset: Preset;
  /** Whoever wears it may connect. */
  readonly clients: ISecurityGroup;
  /** ARN of the IAM role that says who works on which index. */
  readonly accessAdministrator: string;
}

const VERSION = 'OpenSearch_3.5';
const HTTP_METHODS = ['Delete', 'Get', 'Head', 'Patch', 'Post', 'Put'];
/** A bulk request writes to the index in its path only, which is what a role's permissions are checked against. */
const ADVANCED = { 'rest.action.multi.allow_explicit_index': 'false' };
/** What takes this long is worth reading about. */
const LOGS = { INDEX_SLOW_LOGS: 'index-slow', SEARCH_SLOW_LOGS: 'search-slow', ES_APPLICATION_LOGS: 'application' };

/**
 * The OpenSearch domain that all search stores share, in the network of the canonical store. Declared without the helper
 * functions of the L2 construct, so that what is in the template is all there is.
 */
export class SearchDomain extends Construct {
  readonly domain: CfnDomain;

  constructor(scope: Construct, id: string, props: SearchDomainProps) {
    super(scope, id);
    const { vpc, subnetIds, clients, preset } = props;
    const group = new SecurityGroup(this, 'Nodes', { vpc, description: 'Search domain', allowAllOutbound: false });
    group.addIngressRule(clients, Port.HTTPS);
    const used = subnetIds.slice(0, Math.min(preset.searchNodes, preset.zones));
    this.domain = this.#domain(props, { subnetIds: used, securityGroupIds: [group.securityGroupId] });
    tagWithRole(this, ...props.contracts);
  }

  #domain({ domainName, preset, accessAdministrator }: SearchDomainProps, vpcOptions: CfnDomain.VPCOptionsProperty) {
    const { zones, searchNodes, searchInstance, searchVolumeGibibytes, keepDerivedStores } = preset;
    const { permission, options } = this.#logs(domainName, preset);
    const domain = new CfnDomain(this, 'Domain', {
      domainName,
      engineVersion: VERSION,
      clusterConfig: {
        instanceType: searchInstance,
        instanceCount: searchNodes,
        zoneAwarenessEnabled: searchNodes > 1,
        ...(searchNodes > 1 && { zoneAwarenessConfig: { availabilityZoneCount: Math.min(searchNodes, zones) } }),
      },
      ebsOptions: { ebsEnabled: true, volumeType: 'gp3', volumeSize: searchVolumeGibibytes },
      vpcOptions,
      encryptionAtRestOptions: { enabled: true },
      nodeToNodeEncryptionOptions: { enabled: true },
      domainEndpointOptions: { enforceHttps: true, tlsSecurityPolicy: 'Policy-Min-TLS-1-2-PFS-2023-10' },
      accessPolicies: this.#accessPolicy(domainName),
      advancedOptions: ADVANCED,
      advancedSecurityOptions: { enabled: true, masterUserOptions: { masterUserArn: accessAdministrator } },
      logPublishingOptions: options,
    });
    domain.addResourceDependency(permission);
    domain.applyRemovalPolicy(keepDerivedStores ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY);
    return domain;
  }

  /** Opens the domain to the account; what each role may do in it, index by index, its own policy says. */
  #accessPolicy(domainName: string): PolicyDocument {
    const arn = Stack.of(this).formatArn({ service: 'es', resource: 'domain', resourceName: `${domainName}/*` });
    const actions = HTTP_METHODS.map(method => `es:ESHttp${method}`);
    return new PolicyDocument({
      statements: [new PolicyStatement({ principals: [new AccountRootPrincipal()], actions, resources: [arn] })],
    });
  }

  #logs(domainName: string, { logDays }: Preset) {
    const groups = Object.entries(LOGS).map(([kind, name]) => {
      const logGroupName = `/aws/opensearch/${domainName}/${name}`;
      const removalPolicy = RemovalPolicy.DESTROY;
      return { kind, group: new LogGroup(this, `Logs-${name}`, { logGroupName, retention: logDays, removalPolicy }) };
    });
    const mayWrite = new PolicyDocument({
      statements: [
        new PolicyStatement({
          principals: [new ServicePrincipal('es.amazonaws.com')],
          actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
          resources: groups.map(({ group }) => group.logGroupArn),
        }),
      ],
    });
    return {
      permission: new CfnResourcePolicy(this, 'MayWriteLogs', {
        policyName: `${domainName}-logs`,
        policyDocument: Stack.of(this).toJsonString(mayWrite.toJSON()),
      }),
      options: Object.fromEntries(
        groups.map(({ kind, group }) => [kind, { enabled: true, cloudWatchLogsLogGroupArn: group.logGroupArn }]),
      ),
    };
  }
}
