import { useEffect, useState } from 'preact/hooks';

export type View = 'path' | 'search';

const shown = (): View => (location.hash === '#search' ? 'search' : 'path');

/** Which page, by the address, so that it can be kept and gone back from; `#stores` is a place on the first. */
export function useView(): View {
  const [view, setView] = useState(shown);
  useEffect(() => {
    const follow = () => setView(shown());
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  return view;
}
