import { useCallback, useEffect, useState } from 'preact/hooks';
import { readPerson, signOut } from './asking.ts';
import { Page } from './page.tsx';
import { SignIn } from './sign-in.tsx';
import type { Person } from './wire.ts';

/** Who is there decides what there is to see. */
export function App() {
  const [person, setPerson] = useState<Person | null | undefined>(undefined);
  const refresh = useCallback(() => void readPerson().then(setPerson, () => setPerson(null)), []);
  useEffect(refresh, [refresh]);
  if (person === undefined) return <p class="loading">Loading …</p>;
  if (person === null) return <SignIn onSignedIn={refresh} />;
  return <Page person={person} onSignedOut={refresh} onSignOut={() => void signOut().finally(refresh)} />;
}
