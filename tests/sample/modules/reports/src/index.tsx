/** @jsxRuntime classic */
/** @jsx h */
import { BarChart, type Bar } from "charts";
import type { Period } from "dates";
import { toDecimal, type CurrencyCode } from "money";
import type { Order } from "orders";
import { h, type Element } from "ui-kit";

import { byState, revenue } from "./figures.js";
import { layouts, type ReportName } from "./layouts.js";

export { byState, revenue } from "./figures.js";
export { type ReportName } from "./layouts.js";

export interface ReportProps {
  readonly name: ReportName;
  readonly orders: readonly Order[];
  readonly period: Period;
  readonly currency: CurrencyCode;
}

export function Report({ name, orders, period, currency }: ReportProps): Element {
  const { title, width, height } = layouts[name];
  const bars: readonly Bar[] =
    name === "revenue"
      ? Array.from(revenue(orders, period, currency), ([label, amount]) => ({ label, value: Number(toDecimal(amount)) }))
      : Array.from(byState(orders), ([label, value]) => ({ label, value }));
  return (
    <figure class="report">
      <BarChart title={title} bars={bars} width={width} height={height} />
      <figcaption>
        {title}, {period.from} to {period.to}
      </figcaption>
    </figure>
  );
}
