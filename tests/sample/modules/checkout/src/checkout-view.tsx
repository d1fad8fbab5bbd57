/** @jsxRuntime classic */
/** @jsx h */
import { CartView, type Cart } from "cart";
import { Field, type FormState } from "forms";
import type { Language } from "i18n";
import { Banner, Button, h, type Element } from "ui-kit";

import type { Address } from "./address.js";
import { payLabel, type Step } from "./checkout.js";

export interface CheckoutProps {
  readonly step: Step;
  readonly cart: Cart;
  readonly form: FormState<Address>;
  readonly language: Language;
}

export function Checkout({ step, cart, form, language }: CheckoutProps): Element {
  return (
    <main class="checkout">
      <CartView cart={cart} />
      {step.kind === "address" && <AddressForm form={form} />}
      {step.kind === "declined" && <Banner tone="danger" title={step.message} />}
      {step.kind === "done" ? (
        <Banner tone="success" title="Thank you for your order">
          We wrote to {step.address.email}.
        </Banner>
      ) : (
        <Button type="submit" disabled={step.kind === "address"}>
          {payLabel(cart, language)}
        </Button>
      )}
    </main>
  );
}

function AddressForm({ form }: { readonly form: FormState<Address> }): Element {
  return (
    <fieldset>
      <legend>Delivery</legend>
      <Field form={form} name="name" label="Name" autocomplete="name" />
      <Field form={form} name="email" label="E-mail" type="email" autocomplete="email" />
      <Field form={form} name="street" label="Street" autocomplete="street-address" />
      <Field form={form} name="postcode" label="Postcode" autocomplete="postal-code" />
      <Field form={form} name="city" label="City" autocomplete="address-level2" />
    </fieldset>
  );
}
