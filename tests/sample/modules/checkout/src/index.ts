export { addressSchema, emptyAddress, type Address } from "./address.js";
export { Checkout, type CheckoutProps } from "./checkout-view.js";
export { enterAddress, pay, payLabel, type Step } from "./checkout.js";
