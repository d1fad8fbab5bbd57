/** @jsxRuntime classic */
/** @jsx h */
import { isNegative, toDecimal, type Money } from "money";
import { Banner, Button, h, Table, type Column, type Element } from "ui-kit";

import type { Cart, Line } from "./cart.js";

const columns: readonly Column<Line>[] = [
  { title: "Article", cell: (line) => line.product.title },
  { title: "Quantity", numeric: true, cell: (line) => line.quantity },
  { title: "Price", numeric: true, cell: (line) => <Amount of={line.product.price} /> },
];

export function CartView({ cart }: { readonly cart: Cart }): Element {
  if (cart.items === 0) {
    return <Banner tone="info" title="Your cart is empty" />;
  }
  const { discount, total } = cart.totals();
  return (
    <form class="cart">
      <Table caption={`Cart (${cart.items})`} columns={columns} rows={cart.lines} />
      {discount.minor > 0 && (
        <p class="cart__discount">
          You save <Amount of={discount} />
        </p>
      )}
      <p class="cart__total">
        Total <Amount of={total} />
      </p>
      <Button type="submit">Go to checkout</Button>
    </form>
  );
}

function Amount({ of: amount }: { readonly of: Money }): Element {
  return (
    <data class={isNegative(amount) ? "amount amount--negative" : "amount"} value={toDecimal(amount)}>
      {toDecimal(amount)} {amount.currency}
    </data>
  );
}
