import type { CustomerRegister } from "customers";
import { formatDay, type Language } from "i18n";
import { tour, type Place } from "maps";
import { notify, type Channel, type Delivery } from "notifications";
import { plan, type Slot, type Technician } from "scheduler";

import { toJob, type WorkOrder } from "./work-order.js";

export { toJob, type WorkOrder } from "./work-order.js";

export interface DayPlan {
  readonly technician: Technician;
  readonly visits: readonly WorkOrder[];
}

export interface Planned {
  readonly slots: readonly Slot[];
  readonly plans: readonly DayPlan[];
  readonly unplanned: readonly WorkOrder[];
}

/** Plans all open work: who goes where on which day, by the shortest way from the depot. */
export function planWork(orders: readonly WorkOrder[], technicians: readonly Technician[], depot: Place): Planned {
  const byNumber = new Map<string, WorkOrder>(orders.map((order) => [order.number, order]));
  const known = (id: string): WorkOrder[] => [byNumber.get(id)].filter((order) => order !== undefined);
  const { slots, unplanned } = plan(orders.map(toJob), technicians);
  const groups = Map.groupBy(slots, ({ technician, day }) => `${technician.name} ${day}`);
  const plans = [...groups.values()].flatMap((group): DayPlan[] => {
    const [first] = group;
    const visits = group.flatMap(({ job }) => known(job.id));
    return first === undefined ? [] : [{ technician: first.technician, visits: tour(depot, visits, ({ place }) => place) }];
  });
  return { slots, plans, unplanned: unplanned.flatMap(({ id }) => known(id)) };
}

export async function announce(
  slot: Slot,
  order: WorkOrder,
  register: CustomerRegister,
  channels: readonly Channel[],
  language: Language,
): Promise<Delivery> {
  const recipient = await register.find(order.customer);
  const values = { technician: slot.technician.name, day: formatDay(language, slot.day) };
  return notify({ recipient, language, message: "visit.planned", values }, channels);
}
