import { addDays, type Day } from "dates";
import { invoiceFor, type Invoice } from "invoices";

import { OrderState, type Order } from "./order.js";

export { orderTotal, OrderState, type Order, type OrderLine, type OrderNumber } from "./order.js";

/** The days in which goods may be sent back. */
const RETURN_DAYS = 30;

const next: Readonly<Record<OrderState, readonly OrderState[]>> = {
  [OrderState.Placed]: [OrderState.Packed, OrderState.Cancelled],
  [OrderState.Packed]: [OrderState.Shipped, OrderState.Cancelled],
  [OrderState.Shipped]: [OrderState.Returned],
  [OrderState.Returned]: [],
  [OrderState.Cancelled]: [],
};

export class ForbiddenStep extends Error {
  override readonly name: string = "ForbiddenStep";

  constructor(order: Order, to: OrderState) {
    super(`order ${order.number} is ${order.state} and cannot become ${to}`);
  }
}

export interface Advanced {
  readonly order: Order;
  /** Goods are invoiced when they leave the house. */
  readonly invoice?: Invoice;
}

export function advance(order: Order, to: OrderState, today: Day): Advanced {
  const isLate = to === OrderState.Returned && today > addDays(order.placed, RETURN_DAYS);
  if (isLate || !next[order.state].includes(to)) {
    throw new ForbiddenStep(order, to);
  }
  const advanced: Order = { ...order, state: to };
  return to === OrderState.Shipped ? { order: advanced, invoice: invoiceFor(advanced, today) } : { order: advanced };
}
