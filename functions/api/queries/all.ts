import * as z from 'zod';
import { openApi } from '../openapi.ts';
import { NOTHING, type Route, route } from '../route.ts';
import { readCase } from './case.ts';
import type { QueryPorts } from './ports.ts';
import { readReport } from './report.ts';
import { searchCases } from './search.ts';
import { readTimeline } from './timeline.ts';
import { readWorklist } from './worklist.ts';

/** Every query of the API, and the document that describes it all; `commands` are described, not carried out. */
export function queryRoutes(ports: QueryPorts, commands: readonly Route[]): readonly Route[] {
  const queries = [readCase, readTimeline, searchCases, readWorklist, readReport].map(query => query(ports));
  let document: object | undefined;
  const describe = route({
    method: 'GET',
    path: '/openapi.json',
    isOpen: true,
    name: 'describe-api',
    summary: 'This document.',
    params: NOTHING,
    query: NOTHING,
    answer: z.record(z.string(), z.json()),
    status: 200,
    async run() {
      document ??= openApi([...queries, ...commands, describe]);
      return { status: 200, body: document };
    },
  });
  return [...queries, describe];
}
