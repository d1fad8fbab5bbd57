export { CartView } from "./cart-view.js";
export { Cart, type Discount, type Line, type Totals } from "./cart.js";
