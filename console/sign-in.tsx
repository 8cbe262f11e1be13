import { useState } from 'preact/hooks';
import { problemOf, signIn } from './asking.ts';
import type { Session } from './wire.ts';

const ROLES = [
  { role: 'viewer', title: 'Viewer', may: 'sees everything, changes nothing' },
  { role: 'operator', title: 'Operator', may: 'rebuilds, compares, repairs, redrives' },
];

/** Local mode lets everyone choose; a deployment asks its issuer. */
export function SignIn({ by, onSignedIn }: { readonly by: Session['signInBy']; readonly onSignedIn: () => void }) {
  return (
    <main class="sign-in">
      <h1>distributary</h1>
      {by === 'choice' ? <Choice onSignedIn={onSignedIn} /> : <AtIssuer />}
    </main>
  );
}

function Choice({ onSignedIn }: { readonly onSignedIn: () => void }) {
  const [problem, setProblem] = useState('');
  const enter = (role: string) => void signIn(role).then(onSignedIn, error => setProblem(problemOf(error).message));
  return (
    <>
      <p>This is local mode: sign in as whom you like.</p>
      <ul>
        {ROLES.map(({ role, title, may }) => (
          <li key={role}>
            <button type="button" class="choice" onClick={() => enter(role)}>
              <strong>{title}</strong>
              <span>{may}</span>
            </button>
          </li>
        ))}
      </ul>
      <p role="alert" class="problem">
        {problem}
      </p>
    </>
  );
}

/** Why the way back from the issuer ended here; what is not in this list is no word of the server's. */
const REFUSED: Readonly<Record<string, string>> = {
  state: 'This sign-in was not begun here, or took too long.',
  issuer: 'The issuer has not let you in.',
  token: 'What the issuer gave cannot be accepted.',
  role: 'You may not see this console: you are in none of its groups.',
};

function AtIssuer() {
  const refused = new URLSearchParams(location.search).get('refused') ?? '';
  return (
    <>
      <p>Whoever is in one of its groups may see this console.</p>
      <a class="choice" href="/sign-in">
        <strong>Sign in</strong>
        <span>at the issuer of your organisation</span>
      </a>
      <p role="alert" class="problem">
        {Object.hasOwn(REFUSED, refused) ? REFUSED[refused] : ''}
      </p>
    </>
  );
}
