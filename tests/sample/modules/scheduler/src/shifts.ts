import table from "../config/shifts.json" assert { type: "json" };

export interface Shift {
  readonly name: string;
  /** Start and end as `06:00`, local time. */
  readonly from: string;
  readonly to: string;
  /** Visits that fit into it. */
  readonly visits: number;
}

export const shifts: readonly Shift[] = table;
