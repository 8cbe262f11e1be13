/** How much of a wrong value a message quotes, in characters: enough to recognise it. */
const MAX_QUOTED_CHARS = 80;

export function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length <= MAX_QUOTED_CHARS ? text : `${text.slice(0, MAX_QUOTED_CHARS)}…`;
}

/** "did you mean …?" where something is near, and what is allowed in any case. */
export function hintOf(wrong: string, known: readonly string[], noun = 'values'): string {
  const near = nearest(wrong, known);
  return `${near === undefined ? '' : `did you mean ${quote(near)}? `}allowed ${noun}: ${known.join(', ')}`;
}

/** The known word with the fewest edits from `wrong`, if it takes at most a third of its letters. */
export function nearest(wrong: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map(word => ({ word, edits: editsBetween(wrong.toLowerCase(), word.toLowerCase()) }))
    .filter(({ word, edits }) => edits <= Math.max(1, Math.ceil(word.length / 3)))
    .sort((a, b) => a.edits - b.edits);
  return ranked[0]?.word;
}

function editsBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replace = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replace, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
