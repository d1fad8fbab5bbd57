import { cardNumber, iban } from "validation";

export type PaymentMethod =
  | { readonly kind: "card"; readonly number: string; readonly expires: `${number}/${number}` }
  | { readonly kind: "direct-debit"; readonly iban: string; readonly holder: string }
  | { readonly kind: "invoice"; readonly days: 14 | 30 };

/** What is wrong with a payment method, or nothing. */
export function problemOf(method: PaymentMethod): string | undefined {
  switch (method.kind) {
    case "card":
      return prefixed("The card number", cardNumber(method.number));
    case "direct-debit":
      return prefixed("The account", iban(method.iban));
    case "invoice":
      return undefined;
  }
}

/** How a method is shown: only the last four characters of a number may be seen. */
export function describe(method: PaymentMethod): string {
  switch (method.kind) {
    case "card":
      return `Card •••• ${method.number.slice(-4)}`;
    case "direct-debit":
      return `Direct debit from •••• ${method.iban.slice(-4)}`;
    case "invoice":
      return `Invoice, ${method.days} days`;
  }
}

function prefixed(subject: string, problem: string | undefined): string | undefined {
  return problem && `${subject} ${problem}`;
}
