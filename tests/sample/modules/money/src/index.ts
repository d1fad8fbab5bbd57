import { currency, type CurrencyCode } from "./currency.js";

export { currency, isCurrencyCode, type Currency, type CurrencyCode } from "./currency.js";

/** An amount in minor units (cents), so that sums are exact. */
export interface Money {
  readonly minor: number;
  readonly currency: CurrencyCode;
}

export class CurrencyMismatch extends Error {
  override readonly name: string = "CurrencyMismatch";

  constructor(readonly left: CurrencyCode, readonly right: CurrencyCode) {
    super(`cannot combine an amount in ${left} with one in ${right}`);
  }
}

export function money(minor: number, code: CurrencyCode): Money {
  if (!Number.isSafeInteger(minor)) {
    throw new RangeError(`${minor} is not a whole number of minor units`);
  }
  return { minor, currency: code };
}

export const zero = (code: CurrencyCode): Money => money(0, code);

export function add(left: Money, right: Money): Money {
  expectSame(left, right);
  return money(left.minor + right.minor, left.currency);
}

export function subtract(left: Money, right: Money): Money {
  expectSame(left, right);
  return money(left.minor - right.minor, left.currency);
}

export function sum(amounts: Iterable<Money>, code: CurrencyCode): Money {
  let total: Money = zero(code);
  for (const amount of amounts) {
    total = add(total, amount);
  }
  return total;
}

/** Multiplies and rounds half to even, as tax authorities ask for. */
export function multiply(amount: Money, factor: number): Money {
  const exact = amount.minor * factor;
  const floor = Math.floor(exact);
  const rest = exact - floor;
  const up = rest > 0.5 || (rest === 0.5 && floor % 2 !== 0);
  return money(up ? floor + 1 : floor, amount.currency);
}

/** Splits an amount by weights without losing a cent: what is left over goes to the first parts. */
export function allocate(amount: Money, weights: readonly number[]): Money[] {
  const total = weights.reduce((left, right) => left + right, 0);
  if (total <= 0) {
    throw new RangeError("an amount cannot be split by weights that do not add up to more than 0");
  }
  const shares = weights.map((weight) => Math.trunc((amount.minor * weight) / total));
  let rest = amount.minor - shares.reduce((left, right) => left + right, 0);
  const step = Math.sign(rest);
  return shares.map((share) => {
    const extra = rest === 0 ? 0 : step;
    rest -= extra;
    return money(share + extra, amount.currency);
  });
}

export function compare(left: Money, right: Money): number {
  expectSame(left, right);
  return left.minor - right.minor;
}

export function isNegative(amount: Money): boolean {
  return amount.minor < 0;
}

/** The amount as a decimal number in text, such as `-12.05`. */
export function toDecimal(amount: Money): string {
  const { digits } = currency(amount.currency);
  const text = String(Math.abs(amount.minor)).padStart(digits + 1, "0");
  const sign = isNegative(amount) ? "-" : "";
  return digits === 0 ? sign + text : `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

function expectSame(left: Money, right: Money): void {
  if (left.currency !== right.currency) {
    throw new CurrencyMismatch(left.currency, right.currency);
  }
}
