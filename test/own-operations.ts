import type { Properties, Templates } from './templates.ts';

/** Services in which no resource can be named. */
const WITHOUT_RESOURCES = /^(xray|ec2):/;

/**
 * What the operations function of a team's store may touch besides that store: nothing, when all is well. It may log in as
 * the reader of the canonical store, have its own items of the control table in its hands, and note what it did.
 */
export function strayPermissions(templates: Templates, store: string): readonly string[] {
  const own = ownOf(store);
  return templates.permissionsOf(`distributary-operate-${store}`).flatMap(({ actions, resources, condition }) => {
    if (actions.every(action => WITHOUT_RESOURCES.test(action))) return [];
    const groups = condition?.['ForAllValues:StringEquals']?.['dynamodb:LeadingKeys'];
    const named = resources.map(resource => [textOf(resource), groups].flat().filter(Boolean).join(' '));
    return named
      .filter(name => actions.some(action => action.includes('*')) || !own.some(pattern => pattern.test(name)))
      .map(name => `${actions.join(', ')}: ${name}`);
  });
}

const ownOf = (store: string): readonly RegExp[] => [
  new RegExp(`:table/distributary-${store}([.][*])?$`),
  new RegExp(`:table/\\S*controltablename\\S* ((store|reads)#${store}|audit)$`),
  new RegExp(`:sqs:.*:distributary-${store}(-priority|-failed)?$`),
  new RegExp(`:domain/distributary-search/(${store}[.][*]|(_index_template|_alias)/${store}|_aliases)$`),
  // What the stack itself makes: the store's bucket, the function's log.
  /^(arn:\S+:s3:::)?(Store|OperationsOperateLogs)\w*(\/\*)?$/,
  /:dbuser:.*\/distributary_reader$/,
];

/** An ARN with the names of what it refers to. */
function textOf(value: Properties): string {
  if (typeof value === 'string') return value;
  const [kind, of] = Object.entries<Properties>(value)[0]!;
  if (kind === 'Fn::Join') return of[1].map(textOf).join('');
  return kind === 'Fn::GetAtt' ? of[0] : of;
}

/** What the function is asked for by schedules. */
export function scheduledOperations(templates: Templates, store: string): readonly string[] {
  const name = `distributary-operate-${store}`;
  const { stack, id } = templates.one('AWS::Lambda::Function', 'FunctionName', name);
  const targets: Properties[] = templates.of('AWS::Events::Rule', stack).flatMap(rule => rule.properties.Targets);
  return targets.filter(({ Arn }) => Arn['Fn::GetAtt'][0] === id).map(({ Input }) => JSON.parse(Input).operation);
}
