import { addDays, daysBetween, type Day } from "dates";
import { addWorkdays } from "dates/calendar";
import { add, multiply, type Money } from "money";
import { orderTotal, type Order, type OrderNumber } from "orders";

export { printInvoice } from "./print.js";

export interface Invoice {
  readonly number: string;
  readonly order: OrderNumber;
  readonly issued: Day;
  readonly due: Day;
  readonly net: Money;
  readonly tax: Money;
  readonly gross: Money;
}

const TAX_RATE = 0.19;
const DAYS_TO_PAY = 14;
const REMINDERS = [7, 21, 42] as const;

export function invoiceFor(order: Order, issued: Day): Invoice {
  const net = orderTotal(order);
  const tax = multiply(net, TAX_RATE);
  return {
    number: `${issued.slice(0, 4)}-${order.number.slice(2).padStart(6, "0")}`,
    order: order.number,
    issued,
    // A day on which banks work: a transfer on the last day must be able to arrive.
    due: addWorkdays(addDays(issued, DAYS_TO_PAY), 0),
    net,
    tax,
    gross: add(net, tax),
  };
}

export type Reminder = { readonly level: 0 } | { readonly level: 1 | 2 | 3; readonly fee: Money };

/** How firmly an unpaid invoice is to be reminded of. */
export function reminder(invoice: Invoice, today: Day): Reminder {
  const overdue = daysBetween(invoice.due, today);
  const level = REMINDERS.filter((days) => overdue >= days).length as 0 | 1 | 2 | 3;
  return level === 0 ? { level } : { level, fee: multiply(invoice.gross, 0.01 * (level - 1)) };
}
