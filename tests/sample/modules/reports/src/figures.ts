import { contains, type Period } from "dates";
import { add, zero, type CurrencyCode, type Money } from "money";
import { orderTotal, OrderState, type Order } from "orders";

/** Revenue by month, as `2025-03`, in the order of the months. Cancelled and returned orders earn nothing. */
export function revenue(orders: Iterable<Order>, period: Period, currency: CurrencyCode): ReadonlyMap<string, Money> {
  const months = new Map<string, Money>();
  for (const order of orders) {
    const counts = order.state !== OrderState.Cancelled && order.state !== OrderState.Returned;
    if (counts && order.currency === currency && contains(period, order.placed)) {
      const month = order.placed.slice(0, 7);
      months.set(month, add(months.get(month) ?? zero(currency), orderTotal(order)));
    }
  }
  return new Map([...months].sort(([left], [right]) => left.localeCompare(right)));
}

export function byState(orders: Iterable<Order>): ReadonlyMap<OrderState, number> {
  const counts = new Map<OrderState, number>(Object.values(OrderState).map((state) => [state, 0]));
  for (const { state } of orders) {
    counts.set(state, (counts.get(state) ?? 0) + 1);
  }
  return counts;
}
