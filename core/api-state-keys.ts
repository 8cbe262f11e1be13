/** Keys of the table `api-state`, by what is under them: the templates let each function at those that it needs. */
export const API_STATE_KEYS = {
  /** The secret that cursors are signed with. */
  cursor: 'key#cursor',
  /** The issuer's public keys. */
  issuer: 'keys#issuer',
  /** Records of requests that were carried out: `api#<hash>`, as Powertools writes them. */
  requests: 'api',
  /** How much of a window's budget is taken: `rate#<person>#<window>`. */
  rates: 'rate',
  /** Who is signed in to the console: `session#<hash>`. */
  sessions: 'session',
} as const;
