/** Text that is JSON already: the source of a document goes out as it came in, byte by byte. */
export class RawJson {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** What a handler may answer: JSON with raw sources inside. */
export type Answer =
  | null
  | boolean
  | number
  | string
  | undefined
  | RawJson
  | readonly Answer[]
  | { readonly [key: string]: Answer };

export function render(value: Answer): string {
  if (value instanceof RawJson) return value.text;
  if (Array.isArray(value)) return `[${value.map(render).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${render(member)}`).join(',')}}`;
}
