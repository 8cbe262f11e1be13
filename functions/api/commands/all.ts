import type { CommandPorts } from '../command.ts';
import type { Route } from '../route.ts';
import { decideCase, deleteCase, liftRestriction, openCase, purgeCase, restrictCase, transitionCase } from './cases.ts';
import { addEvidence, type Uploads } from './evidence.ts';
import { grantMembership, revokeMembership } from './memberships.ts';
import { addParty } from './parties.ts';
import { addTask, assignInvestigator, finishTask, placeHold, releaseHold } from './work.ts';

/** Every command of the API. None of them reads a derived store: a test follows the imports from here. */
export function commandRoutes(ports: CommandPorts, uploads: Uploads): readonly Route[] {
  const commands = [
    ...[openCase, transitionCase, decideCase, restrictCase, liftRestriction, deleteCase, purgeCase],
    ...[addParty, addEvidence(uploads), assignInvestigator, addTask, finishTask, placeHold, releaseHold],
    ...[grantMembership, revokeMembership],
  ];
  return commands.map(command => command(ports));
}
