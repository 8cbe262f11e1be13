import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';

export interface CurveProps {
  /** Milliseconds since 1970, rising. */
  readonly at: readonly number[];
  readonly values: readonly (number | null)[];
  /** Drawn as lines where they are in sight: what is normal, and the most. */
  readonly bounds?: readonly { readonly value: number; readonly tone: 'normal' | 'maximum' }[];
  /** The least height that the scale has. */
  readonly least: number;
}

const HEIGHT_PX = 44;
/** Above the highest value, so that it does not touch the edge. */
const HEADROOM = 1.2;

/** A small curve of the last minutes; its numbers are in the text beside it, so it is hidden from screen readers. */
export function Curve({ at, values, bounds = [], least }: CurveProps) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef({ bounds, least });
  latest.current = { bounds, least };

  useEffect(() => {
    const element = host.current!;
    const made = new uPlot(optionsOf(element, latest), [[], []], element);
    plot.current = made;
    const resized = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT_PX }));
    resized.observe(element);
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    const redraw = () => made.redraw(false);
    scheme.addEventListener('change', redraw);
    return () => {
      scheme.removeEventListener('change', redraw);
      resized.disconnect();
      made.destroy();
    };
  }, []);

  useEffect(() => plot.current?.setData([at.map(time => time / 1000), [...values]]), [at, values]);

  return <div class="curve" ref={host} aria-hidden="true" />;
}

type Latest = { readonly current: Required<Pick<CurveProps, 'bounds' | 'least'>> };

function optionsOf(element: HTMLElement, latest: Latest): uPlot.Options {
  /** Colours are those of the style sheet, as they are at this moment. */
  const colour = (name: string): string => getComputedStyle(element).getPropertyValue(name);
  return {
    width: element.clientWidth,
    height: HEIGHT_PX,
    padding: [2, 0, 2, 0],
    legend: { show: false },
    cursor: { show: false },
    select: { show: false, left: 0, top: 0, width: 0, height: 0 },
    axes: [{ show: false }, { show: false }],
    scales: {
      y: { range: (_, __, most) => [0, Math.max((most ?? 0) * HEADROOM, latest.current.least)] },
    },
    series: [
      {},
      {
        stroke: () => colour('--curve'),
        fill: () => colour('--curve-under'),
        width: 1.5,
        points: { show: false },
        spanGaps: false,
      },
    ],
    hooks: {
      draw: [
        plot => {
          for (const { value, tone } of latest.current.bounds) drawBound(plot, value, colour(`--${tone}`));
        },
      ],
    },
  };
}

function drawBound(plot: uPlot, value: number, colour: string): void {
  if (value > (plot.scales.y?.max ?? 0)) return;
  const { ctx, bbox } = plot;
  const y = Math.round(plot.valToPos(value, 'y', true)) + 0.5;
  ctx.save();
  ctx.strokeStyle = colour;
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.restore();
}
