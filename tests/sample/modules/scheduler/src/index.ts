import { addDays, type Day } from "dates";
import { isWorkday } from "dates/calendar";

import { shifts, type Shift } from "./shifts.js";

export { shifts, type Shift } from "./shifts.js";

export interface Technician {
  readonly name: string;
  readonly skills: ReadonlySet<string>;
  readonly shift: string;
}

export interface Job {
  readonly id: string;
  readonly skill: string;
  readonly earliest: Day;
  readonly urgent?: boolean;
}

export interface Slot {
  readonly job: Job;
  readonly technician: Technician;
  readonly day: Day;
}

/** The days that are looked at before a job counts as not plannable. */
const HORIZON_DAYS = 60;

/** Gives each job the first free slot of somebody who can do it, urgent jobs first. */
export function plan(jobs: readonly Job[], technicians: readonly Technician[]): { slots: Slot[]; unplanned: Job[] } {
  const load = new Map<string, number>();
  const slots: Slot[] = [];
  const unplanned: Job[] = [];
  const order = jobs.toSorted(
    (left, right) => Number(right.urgent ?? false) - Number(left.urgent ?? false) || left.earliest.localeCompare(right.earliest),
  );
  for (const job of order) {
    const slot = firstFree(job, technicians, load);
    if (slot === undefined) {
      unplanned.push(job);
    } else {
      const key = `${slot.technician.name} ${slot.day}`;
      load.set(key, (load.get(key) ?? 0) + 1);
      slots.push(slot);
    }
  }
  return { slots, unplanned };
}

function firstFree(job: Job, technicians: readonly Technician[], load: ReadonlyMap<string, number>): Slot | undefined {
  const able = technicians.filter(({ skills }) => skills.has(job.skill));
  for (let offset = 0; offset < HORIZON_DAYS; offset += 1) {
    const day = addDays(job.earliest, offset);
    if (!isWorkday(day)) {
      continue;
    }
    for (const technician of able) {
      const capacity = shifts.find(({ name }: Shift) => name === technician.shift)?.visits ?? 0;
      if ((load.get(`${technician.name} ${day}`) ?? 0) < capacity) {
        return { job, technician, day };
      }
    }
  }
  return undefined;
}
