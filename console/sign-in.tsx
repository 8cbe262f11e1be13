import { useState } from 'preact/hooks';
import { problemOf, signIn } from './asking.ts';

const ROLES = [
  { role: 'viewer', title: 'Viewer', may: 'sees everything, changes nothing' },
  { role: 'operator', title: 'Operator', may: 'rebuilds, compares, repairs, redrives' },
];

/** Local mode lets everyone choose; a deployment asks its issuer. */
export function SignIn({ onSignedIn }: { readonly onSignedIn: () => void }) {
  const [problem, setProblem] = useState('');
  const enter = (role: string) => void signIn(role).then(onSignedIn, error => setProblem(problemOf(error).message));
  return (
    <main class="sign-in">
      <h1>distributary</h1>
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
    </main>
  );
}
