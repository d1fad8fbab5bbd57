import type { CustomerId } from "customers";
import type { Day } from "dates";
import type { Place } from "maps";
import type { Job } from "scheduler";

export interface WorkOrder {
  readonly number: `W-${number}`;
  readonly customer: CustomerId;
  readonly place: Place;
  readonly skill: "electric" | "gas" | "heating" | "water";
  readonly wanted: Day;
  readonly description: string;
}

/** What smells of gas or stands under water does not wait. */
const URGENT = /\b(leak|smell|flood|burst)/i;

export function toJob(order: WorkOrder): Job {
  const urgent = order.skill === "gas" || URGENT.test(order.description);
  return { id: order.number, skill: order.skill, earliest: order.wanted, urgent };
}
