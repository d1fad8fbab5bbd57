import type { Product } from "catalog";
import { multiply, subtract, sum, zero, type CurrencyCode, type Money } from "money";

export interface Line {
  readonly product: Product;
  readonly quantity: number;
}

export interface Discount {
  readonly code: string;
  /** The part of the price that is taken off, from 0 to 1. */
  readonly rate: number;
  /** Applies to this category only. */
  readonly category?: string;
}

export interface Totals {
  readonly goods: Money;
  readonly discount: Money;
  readonly total: Money;
}

/** What a customer wants to buy. Immutable: each change is a new cart, so that it can be undone. */
export class Cart {
  readonly #lines: ReadonlyMap<string, Line>;

  constructor(readonly currency: CurrencyCode, lines: Iterable<Line> = [], readonly discounts: readonly Discount[] = []) {
    this.#lines = new Map(Array.from(lines, (line) => [line.product.sku, line]));
  }

  get lines(): readonly Line[] {
    return [...this.#lines.values()];
  }

  get items(): number {
    return this.lines.reduce((count, line) => count + line.quantity, 0);
  }

  /** Sets how many of a product there are: never more than are in stock, and 0 takes it out. */
  with(product: Product, quantity: number): Cart {
    const lines = new Map(this.#lines);
    const possible = Math.min(quantity, product.stock);
    if (possible > 0) {
      lines.set(product.sku, { product, quantity: possible });
    } else {
      lines.delete(product.sku);
    }
    return new Cart(this.currency, lines.values(), this.discounts);
  }

  add(product: Product, quantity: number = 1): Cart {
    return this.with(product, (this.#lines.get(product.sku)?.quantity ?? 0) + quantity);
  }

  redeem(discount: Discount): Cart {
    const others = this.discounts.filter(({ code }) => code !== discount.code);
    return new Cart(this.currency, this.lines, [...others, discount]);
  }

  totals(): Totals {
    const goods = sum(this.lines.map(price), this.currency);
    const discount = sum(this.lines.map((line) => this.#discount(line)), this.currency);
    return { goods, discount, total: subtract(goods, discount) };
  }

  /** The best discount counts: they do not add up. */
  #discount(line: Line): Money {
    const rates = this.discounts
      .filter(({ category }) => category === undefined || category === line.product.category)
      .map(({ rate }) => rate);
    return rates.length === 0 ? zero(this.currency) : multiply(price(line), Math.max(...rates));
  }
}

function price(line: Line): Money {
  return multiply(line.product.price, line.quantity);
}
