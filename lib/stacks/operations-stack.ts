import type { Construct } from 'constructs';
import { storeNamed } from '../../core/catalogue.ts';
import { AlarmTopic } from '../alarm-topic.ts';
import { ConsoleAddress } from '../console.ts';
import { ControlTableResource } from '../control-table.ts';
import { PathDashboard } from '../path-dashboard.ts';
import { servesConsole } from './api-stack.ts';
import { type Blueprint, PipelineStack } from './pipeline-stack.ts';

/** The contract of the control table. */
const CONTROL_STORE = 'pipeline-control';

/** What the pipeline is run with: the control table, the topic of its alarms, the picture of it. The others build on it. */
export class OperationsStack extends PipelineStack {
  constructor(scope: Construct, blueprint: Blueprint) {
    super(scope, {
      ...blueprint,
      part: 'operations',
      description: 'Control table, alarms and dashboard of the pipeline',
    });
    const { catalogue, configuration, names, shared } = blueprint;
    const control = new ControlTableResource(this, 'Control', {
      contract: storeNamed(catalogue, CONTROL_STORE),
      tableName: names.controlTable,
    });
    const alarms = new AlarmTopic(this, 'Alarms', { topicName: names.alarmTopic, email: configuration.alarmEmail });
    new PathDashboard(this, 'Dashboard', { catalogue, names });
    if (servesConsole(blueprint)) {
      shared.publish(this, { consoleApiId: new ConsoleAddress(this, 'Console', { names }).apiId });
    }
    shared.publish(this, { controlTableName: control.table.tableName, alarmTopicArn: alarms.topic.topicArn });
  }
}
