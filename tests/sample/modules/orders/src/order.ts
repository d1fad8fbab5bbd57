import type { CustomerId } from "customers";
import type { Day } from "dates";
import { multiply, sum, type CurrencyCode, type Money } from "money";

export type OrderNumber = `O-${number}`;

export enum OrderState {
  Placed = "placed",
  Packed = "packed",
  Shipped = "shipped",
  Returned = "returned",
  Cancelled = "cancelled",
}

export interface OrderLine {
  readonly sku: string;
  readonly title: string;
  readonly quantity: number;
  readonly price: Money;
}

export interface Order {
  readonly number: OrderNumber;
  readonly customer: CustomerId;
  readonly placed: Day;
  readonly currency: CurrencyCode;
  readonly state: OrderState;
  readonly lines: readonly OrderLine[];
}

export function orderTotal(order: Order): Money {
  return sum(order.lines.map((line) => multiply(line.price, line.quantity)), order.currency);
}
