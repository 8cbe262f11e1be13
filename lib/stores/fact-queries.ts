import { Aws } from 'aws-cdk-lib';
import { CfnNamedQuery, CfnPreparedStatement, CfnWorkGroup } from 'aws-cdk-lib/aws-athena';
import { CfnDatabase, CfnTable } from 'aws-cdk-lib/aws-glue';
import { Construct } from 'constructs';
import type { Field, FieldType, ProjectedContract } from '../../core/store-contract.ts';
import type { Names } from '../names.ts';
import { QUERY_RESULTS } from './fact-bucket.ts';

export interface FactQueriesProps {
  readonly contract: ProjectedContract;
  readonly bucketName: string;
  /** The one that readers see: its name begins the key of every file. */
  readonly target: string;
  readonly names: Names;
}

/** Enough for a report over years of facts; a query that forgot its filter ends here. */
const MAX_SCANNED_BYTES = 50 * 2 ** 30;
/** Days before it have no facts; each day of the range is one listing of a query without a filter. */
const FIRST_DAY = '2025-01-01';

/** The columns of every fact, as functions/stores/parquet-file.ts writes them. */
const OWN_COLUMNS: Readonly<Record<string, string>> = {
  key: 'binary',
  tenant: 'binary',
  version: 'bigint',
  digest: 'bigint',
  committed_at: 'timestamp',
  extracted_at: 'timestamp',
  deleted: 'boolean',
  hidden: 'boolean',
  correction: 'boolean',
  late: 'boolean',
};
const TYPES: Readonly<Record<FieldType, string>> = {
  keyword: 'string',
  text: 'string',
  integer: 'bigint',
  number: 'double',
  boolean: 'boolean',
  date: 'date',
  timestamp: 'timestamp',
  // JSON text, of one object or of a list of them.
  object: 'string',
};

/**
 * The facts as a table that Athena queries, found by their path without a crawler, and the question that they are kept
 * for: how everything was as of a time.
 */
export class FactQueries extends Construct {
  constructor(scope: Construct, id: string, props: FactQueriesProps) {
    super(scope, id);
    const { contract, bucketName, names } = props;
    const name = contract.store_name.replaceAll('-', '_');
    const database = new CfnDatabase(this, 'Database', {
      catalogId: Aws.ACCOUNT_ID,
      databaseInput: { name: `${names.prefix.replaceAll('-', '_')}_${name}` },
    });
    const table = this.#table(props, name, database);
    const workGroup = new CfnWorkGroup(this, 'WorkGroup', {
      name: names.stack(contract.store_name),
      description: `Queries of ${contract.store_name}`,
      recursiveDeleteOption: true,
      workGroupConfiguration: {
        enforceWorkGroupConfiguration: true,
        publishCloudWatchMetricsEnabled: true,
        bytesScannedCutoffPerQuery: MAX_SCANNED_BYTES,
        engineVersion: { selectedEngineVersion: 'Athena engine version 3' },
        resultConfiguration: {
          outputLocation: `s3://${bucketName}/${QUERY_RESULTS}/`,
          encryptionConfiguration: { encryptionOption: 'SSE_S3' },
        },
      },
    });
    this.#asOf(contract, `"${database.ref}"."${name}"`, name, workGroup, table);
  }

  #table({ contract, bucketName, target }: FactQueriesProps, name: string, database: CfnDatabase): CfnTable {
    const location = `s3://${bucketName}/`;
    const fields = Object.entries(contract.fields).map(([field, type]) => [field, glueType(type)] as const);
    return new CfnTable(this, 'Table', {
      catalogId: Aws.ACCOUNT_ID,
      databaseName: database.ref,
      tableInput: {
        name,
        tableType: 'EXTERNAL_TABLE',
        parameters: {
          EXTERNAL: 'TRUE',
          classification: 'parquet',
          'projection.enabled': 'true',
          // Files of a target that is being built, or was replaced, lie beside it.
          'projection.target.type': 'enum',
          'projection.target.values': target,
          'projection.day.type': 'date',
          'projection.day.format': 'yyyy-MM-dd',
          'projection.day.range': `${FIRST_DAY},NOW+1DAYS`,
          'storage.location.template': `${location}\${target}/day=\${day}/`,
        },
        partitionKeys: ['target', 'day'].map(key => ({ name: key, type: 'string' })),
        storageDescriptor: {
          location,
          inputFormat: 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat',
          outputFormat: 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat',
          serdeInfo: { serializationLibrary: 'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe' },
          columns: [...Object.entries(OWN_COLUMNS), ...fields].map(([column, type]) => ({ name: column, type })),
        },
      },
    });
  }

  #asOf(contract: ProjectedContract, from: string, name: string, workGroup: CfnWorkGroup, table: CfnTable): void {
    const statementName = `${name}_as_of`;
    const statement = new CfnPreparedStatement(this, 'AsOf', {
      statementName,
      workGroup: workGroup.name,
      description: 'As it was when the parameter, a timestamp in UTC, was now',
      queryStatement: asOf(contract, from),
    });
    const example = new CfnNamedQuery(this, 'Example', {
      name: `${statementName} yesterday`,
      description: `How ${contract.store_name} was a day ago; save as a view, or change the time`,
      database: table.databaseName,
      workGroup: workGroup.name,
      queryString: `EXECUTE ${statementName} USING current_timestamp - interval '1' day`,
    });
    for (const query of [statement, example]) query.addResourceDependency(workGroup);
    statement.addResourceDependency(table);
    example.addResourceDependency(statement);
  }
}

/**
 * Facts may be there twice, while compaction puts a file in the place of others: one row of each version counts. A fact
 * that came late, or corrects another, is in its place by the time that it was committed.
 */
export const asOf = ({ fields }: ProjectedContract, from: string): string => `
WITH newest AS (
  SELECT *, row_number() OVER (PARTITION BY key ORDER BY version DESC, extracted_at) AS place
  FROM ${from}
  WHERE committed_at <= ?
)
SELECT key, tenant, version, committed_at, ${Object.keys(fields)
  .map(field => `"${field}"`)
  .join(', ')}
FROM newest
WHERE place = 1 AND NOT deleted AND NOT hidden`;

const glueType = ({ type, list }: Field): string => (list && type !== 'object' ? `array<${TYPES[type]}>` : TYPES[type]);
