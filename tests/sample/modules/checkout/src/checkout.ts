import type { Cart } from "cart";
import { formatMoney, translate, type Language } from "i18n";
import type { Payment, PaymentGateway, PaymentMethod } from "payments";
import { check } from "validation";

import { addressSchema, type Address } from "./address.js";

export type Step =
  | { readonly kind: "address" }
  | { readonly kind: "payment"; readonly address: Address }
  | { readonly kind: "done"; readonly address: Address; readonly payment: Payment }
  | { readonly kind: "declined"; readonly address: Address; readonly message: string };

/** A correct address leads to the payment; anything else stays where it is. */
export function enterAddress(step: Step, address: Address): Step {
  const checked = check(address, addressSchema);
  return checked.valid && step.kind !== "done" ? { kind: "payment", address: checked.value } : step;
}

export async function pay(
  step: Extract<Step, { kind: "payment" | "declined" }>,
  order: { readonly number: string; readonly cart: Cart; readonly language: Language },
  method: PaymentMethod,
  gateway: PaymentGateway,
): Promise<Step> {
  const { address } = step;
  const payment = await gateway.authorise(order.number, order.cart.totals().total, method);
  if (payment.state === "declined") {
    const message = translate(order.language, "checkout.failed", { reason: payment.reason });
    return { kind: "declined", address, message };
  }
  return { kind: "done", address, payment };
}

export function payLabel(cart: Cart, language: Language): string {
  return translate(language, "checkout.pay", { amount: formatMoney(language, cart.totals().total) });
}
