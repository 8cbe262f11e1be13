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

/** A server that refuses for a moment is asked again after that. */
const AGAIN_MS = 5000;

/**
 * Follows the server's events. The browser itself connects again, be it that the connection broke or that the server said
 * what there was to say: only who hears nothing at all is told of trouble.
 */
export function useLive(onSignedOut: () => void): Live {
  const [live, setLive] = useState<Live>({ look: undefined, curve: [], trouble: undefined });
  useEffect(() => {
    let events: EventSource;
    let again: ReturnType<typeof setTimeout> | undefined;
    let hasHeard = false;
    const follow = () => {
      events = new EventSource('/api/live');
      events.addEventListener('look', heard);
      events.addEventListener('trouble', ({ data }) => {
        hasHeard = true;
        setLive(live => ({ ...live, trouble: JSON.parse(data).message }));
      });
      events.onerror = lost;
    };
    const heard = ({ data }: MessageEvent<string>) => {
      hasHeard = true;
      const look = JSON.parse(data) as Look & { readonly curve?: readonly Point[] };
      setLive(({ curve }) => ({
        look,
        curve: look.curve ?? [...curve, look.point].slice(-MAX_POINTS),
        trouble: undefined,
      }));
    };
    const lost = () => {
      if (!hasHeard) setLive(live => ({ ...live, trouble: 'the connection is interrupted; trying again' }));
      hasHeard = false;
      if (events.readyState !== EventSource.CLOSED) return;
      // Refused, not interrupted: the session has ended, or the server is overrun.
      onSignedOut();
      again = setTimeout(follow, AGAIN_MS);
    };
    follow();
    return () => {
      clearTimeout(again);
      events.close();
    };
  }, [onSignedOut]);
  return live;
}
