import { useCallback, useEffect, useState } from 'preact/hooks';
import { readSession, signOut } from './asking.ts';
import { Page } from './page.tsx';
import { SignIn } from './sign-in.tsx';
import type { Session } from './wire.ts';

/** A server that does not answer lets nobody in. */
const NOBODY: Session = { person: null, signInBy: 'issuer', searchAs: 'self' };

/** Who is there decides what there is to see. */
export function App() {
  const [session, setSession] = useState<Session>();
  const refresh = useCallback(
    () => void readSession().then(setSession, () => setSession(before => before ?? NOBODY)),
    [],
  );
  useEffect(refresh, [refresh]);
  const leave = () => void signOut().then(goTo => (goTo === null ? refresh() : location.assign(goTo)), refresh);
  if (session === undefined) return <p class="loading">Loading …</p>;
  const { person, signInBy, searchAs } = session;
  if (person === null) return <SignIn by={signInBy} onSignedIn={refresh} />;
  return <Page person={person} searchAs={searchAs} onSignedOut={refresh} onSignOut={leave} />;
}
