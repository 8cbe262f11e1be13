import { useEffect, useState } from 'preact/hooks';
import type { Look, Point } from './wire.ts';

export interface Live {
  readonly look: Look | undefined;
  /** The last minutes, oldest first. */
  readonly curve: readonly Point[];
  /** What keeps the page from being up to date. */
  readonly trouble: string | undefined;
}

/** Five minutes of looks. */
const MAX_POINTS = 150;

/** Follows the server's events; the browser itself connects again after an interruption. */
export function useLive(onSignedOut: () => void): Live {
  const [live, setLive] = useState<Live>({ look: undefined, curve: [], trouble: undefined });
  useEffect(() => {
    const events = new EventSource('/api/live');
    events.addEventListener('look', ({ data }) => {
      const look = JSON.parse(data) as Look & { readonly curve?: readonly Point[] };
      setLive(({ curve }) => ({
        look,
        curve: look.curve ?? [...curve, look.point].slice(-MAX_POINTS),
        trouble: undefined,
      }));
    });
    events.addEventListener('trouble', ({ data }) => setLive(live => ({ ...live, trouble: JSON.parse(data).message })));
    events.onerror = () => {
      setLive(live => ({ ...live, trouble: 'the connection is interrupted; trying again' }));
      // Refused, not interrupted: the session has ended.
      if (events.readyState === EventSource.CLOSED) onSignedOut();
    };
    return () => events.close();
  }, [onSignedOut]);
  return live;
}
