/** @jsxRuntime classic */
/** @jsx h */
import { h, type Element } from "ui-kit";

import { linear } from "./scale.js";

export interface Bar {
  readonly label: string;
  readonly value: number;
}

export interface BarChartProps {
  readonly title: string;
  readonly bars: readonly Bar[];
  readonly width?: number;
  readonly height?: number;
  readonly format?: (value: number) => string;
}

const MARGIN = 40;

export function BarChart({ title, bars, width = 640, height = 320, format = String }: BarChartProps): Element {
  const values = bars.map((bar) => bar.value);
  const y = linear([Math.min(0, ...values), Math.max(0, ...values)], [height - MARGIN, MARGIN / 2]);
  const slot = (width - MARGIN) / Math.max(bars.length, 1);
  return (
    <svg class="chart" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={title}>
      {y.ticks.map((tick) => (
        <g class="chart__tick" transform={`translate(${MARGIN} ${y(tick)})`}>
          <line x2={width - MARGIN} />
          <text x={-4}>{format(tick)}</text>
        </g>
      ))}
      {bars.map(({ label, value }, index) => (
        <g class={value < 0 ? "chart__bar chart__bar--negative" : "chart__bar"}>
          <rect
            x={MARGIN + index * slot + slot * 0.1}
            y={Math.min(y(value), y(0))}
            width={slot * 0.8}
            height={Math.abs(y(value) - y(0))}
          >
            <title>{`${label}: ${format(value)}`}</title>
          </rect>
          <text x={MARGIN + (index + 0.5) * slot} y={height - MARGIN / 3}>
            {label}
          </text>
        </g>
      ))}
    </svg>
  );
}
