/** The currencies that the installation trades in, by their ISO 4217 codes. */
export type CurrencyCode = "CHF" | "EUR" | "GBP" | "JPY" | "USD";

export interface Currency {
  readonly code: CurrencyCode;
  /** Digits behind the decimal point: the yen has none. */
  readonly digits: number;
  readonly symbol: string;
}

const currencies: Record<CurrencyCode, Currency> = {
  CHF: { code: "CHF", digits: 2, symbol: "Fr." },
  EUR: { code: "EUR", digits: 2, symbol: "€" },
  GBP: { code: "GBP", digits: 2, symbol: "£" },
  JPY: { code: "JPY", digits: 0, symbol: "¥" },
  USD: { code: "USD", digits: 2, symbol: "$" },
};

export function currency(code: CurrencyCode): Currency {
  return currencies[code];
}

export function isCurrencyCode(text: string): text is CurrencyCode {
  return Object.hasOwn(currencies, text);
}
