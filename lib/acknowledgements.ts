/** A rule of cdk-nag that does not hold in some place, and why that is right. */
export interface Acknowledgement {
  readonly rule: string;
  /** What the rule found, of those that report each finding by itself; the rest of the role is still checked. */
  readonly finding?: RegExp;
  /** Paths of the constructs. */
  readonly at: RegExp;
  readonly reason: string;
}

/** A role's permissions, as our functions have them. */
const POLICY = /\/(Task)?Role\/DefaultPolicy\/Resource$/;

/** Every exception from the rules, in one place. One that no synthesis needs any more fails a test. */
export const ACKNOWLEDGEMENTS: readonly Acknowledgement[] = [
  {
    rule: 'AwsSolutions-APIG4',
    at: /\/(Api|Console)\/Door\/Route-[A-Za-z-]+$/,
    reason:
      'each route but those that show nothing of the pipeline checks the token or the session in its function, so that any OIDC issuer will do and local mode checks the same',
  },
  {
    rule: 'AwsSolutions-IAM5',
    finding: /^Resource::\*$/,
    at: POLICY,
    reason:
      'X-Ray, the network interfaces of a function and reading metrics know no resource; permissions.synth.ts allows * to no other',
  },
  {
    rule: 'AwsSolutions-IAM5',
    finding: /^Resource::\*$/,
    at: /\/ExecutionRole\/DefaultPolicy\/Resource$/,
    reason: "the registry's login token, which a task needs to fetch its image, knows no resource",
  },
  {
    rule: 'AwsSolutions-ECS2',
    at: /\/Process\/Task\/Resource$/,
    reason: 'its variables are names and addresses, as those of the function; passwords are fetched by whoever may',
  },
  {
    rule: 'AwsSolutions-IAM5',
    finding: /^Resource::(<(RelayPayloads|StoreBucket|ApiEvidence)\w+\.Arn>|arn:<AWS::Partition>:s3:::<\w+>)\/\*$/,
    at: POLICY,
    reason: 'objects have keys that nobody knows beforehand; the bucket is named, and holds nothing else',
  },
  {
    rule: 'AwsSolutions-IAM5',
    finding: /^Resource::(<StoreTable\w+\.Arn>|arn:<AWS::Partition>:dynamodb:.*:table\/[a-z0-9-]+)\.\*$/,
    at: POLICY,
    reason: "a rebuild's tables are named after the store's and a dot, which no other store's name holds",
  },
  {
    rule: 'AwsSolutions-IAM5',
    finding: /^Resource::arn:(<AWS::Partition>|aws[\w-]*):es:.*:domain\/[^/]+\/[a-z0-9-]+\.\*(\.(1|\?{18})\/_search)?$/,
    at: POLICY,
    reason: "a target's index is named after the store and a dot, which no other store's name holds",
  },
  {
    rule: 'AwsSolutions-IAM5',
    finding: /^Resource::arn:<AWS::Partition>:es:.*\/_plugins\/_security\/api\/roles(mapping)?\/\*$/,
    at: POLICY,
    reason: "the domain's own roles are named by the stacks that ask for them; this function is their administrator",
  },
  {
    rule: 'AwsSolutions-S1',
    at: /\/(Payloads|Store\/Bucket|Api\/Evidence)\/Resource$/,
    reason:
      'a log of requests would be one more store to govern; who may read is decided by role, and CloudTrail keeps data events where they are asked for',
  },
  {
    rule: 'AwsSolutions-VPC7',
    at: /\/Network\/Vpc\/Resource$/,
    reason: 'the network has no way out: nothing but our functions, the database and the endpoints is in it',
  },
  {
    rule: 'AwsSolutions-EC23',
    at: /\/SecurityGroup\/Resource$/,
    reason: "the rule cannot read the network's own range of addresses, which is all that an endpoint lets in",
  },
  {
    rule: 'AwsSolutions-SMG4',
    at: /\/Cluster\/Secret\/Resource$/,
    reason:
      'the migrations alone use it; all else logs in by IAM, and rotation would put a function with a way out into the network',
  },
  {
    rule: 'AwsSolutions-SQS3',
    at: /\/Parked\/Resource$/,
    reason: 'it is itself where those rows go that can never be published, and an alarm watches it',
  },
  {
    rule: 'Serverless-SQSRedrivePolicy',
    at: /\/(Parked|Queues\/Failed)\/Resource$/,
    reason: 'it is itself where messages end that will never land as they are; nothing receives from it but redrive',
  },
  {
    rule: 'AwsSolutions-OS3',
    at: /\/Search\/Domain$/,
    reason: 'it is inside a network, where access goes by security group; OpenSearch refuses rules by address there',
  },
  {
    rule: 'AwsSolutions-OS4',
    at: /\/Search\/Domain$/,
    reason:
      'three data nodes elect a master among them; dedicated ones would cost more than the rest, and a rebuild restores all',
  },
  {
    rule: 'AwsSolutions-OS7',
    at: /\/Search\/Domain$/,
    reason: 'size small is one node; production spreads over zones',
  },
  {
    rule: 'Serverless-LambdaDLQ',
    at: /\/Function\/Resource$/,
    reason:
      'a projector is fed by queues that have a failed queue; the others are run by a clock or by CloudFormation, which start them again or say that they failed',
  },
  {
    rule: 'Serverless-LambdaAsyncFailureDestination',
    at: /\/EventInvokeConfig\/Resource$/,
    reason: 'the next minute brings another start, and an alarm rings when none succeeds',
  },
  {
    rule: 'Serverless-EventBusDLQ',
    at: /\/(Every((Five)?Minutes?|Night)|Retention|Holds|CompactRegularly|KeysRegularly)\/Resource$/,
    reason: 'a start that was missed is worth nothing later: the clock brings the next one',
  },
  {
    rule: 'Serverless-LambdaEventSourceMappingDestination',
    at: /\/SqsEventSource:\w+\/Resource$/,
    reason: 'Lambda has no such destination for a queue; its redrive policy is what the rule asks for',
  },
];
