/** A browser without a screen: it keeps cookies, and follows no redirect by itself. */
export class Visitor {
  readonly #url: string;
  readonly #cookies = new Map<string, string>();
  /** Every `Set-Cookie` that it got. */
  readonly offered: string[] = [];

  constructor(url: string) {
    this.#url = url;
  }

  cookie(name: string): string | undefined {
    return this.#cookies.get(name);
  }

  setCookie(name: string, value: string): void {
    this.#cookies.set(name, value);
  }

  async ask(method: string, path: string, body?: object, headers: Record<string, string> = {}): Promise<Response> {
    const response = await fetch(new URL(path, this.#url), {
      method,
      redirect: 'manual',
      headers: {
        cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; '),
        ...(method !== 'GET' && { origin: this.#url, 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    for (const offer of response.headers.getSetCookie()) {
      this.offered.push(offer);
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(offer) ?? [];
      if (/Max-Age=0/.test(offer)) this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    return response;
  }

  /** To the issuer, and to where it sends the browser back: not yet there. */
  async signedInAs(person: string, user?: string): Promise<URL> {
    const authorize = new URL(locationOf(await this.ask('GET', '/sign-in')));
    authorize.searchParams.set('as', person);
    if (user !== undefined) authorize.searchParams.set('login_hint', user);
    return new URL(locationOf(await fetch(authorize, { redirect: 'manual' })));
  }

  /** Where the console sends who comes back. */
  async comeBack({ pathname, search }: URL): Promise<string> {
    return locationOf(await this.ask('GET', pathname + search));
  }

  async signIn(person: string, user?: string): Promise<string> {
    return this.comeBack(await this.signedInAs(person, user));
  }

  async session(): Promise<{ person: { name: string; role: string; subject?: string } | null; signInBy: string }> {
    return (await this.ask('GET', '/api/session')).json() as never;
  }
}

const locationOf = (response: Response): string => {
  const location = response.headers.get('location');
  if (location === null) throw new Error(`${response.status} leads nowhere`);
  return location;
};
