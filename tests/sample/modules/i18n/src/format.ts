import type { Day } from "dates";
import { toDecimal, type Money } from "money";

import type { Language } from "./messages.js";

const locales: Record<Language, string> = { de: "de-DE", en: "en-GB" };

export function formatMoney(language: Language, amount: Money): string {
  const format = new Intl.NumberFormat(locales[language], { style: "currency", currency: amount.currency });
  return format.format(Number(toDecimal(amount)));
}

export function formatDay(language: Language, day: Day): string {
  const format = new Intl.DateTimeFormat(locales[language], { dateStyle: "long", timeZone: "UTC" });
  return format.format(new Date(day));
}

/** Chooses between `one: …` and `other: …` by the rules of the language; `#` stands for the number. */
export function plural(language: Language, count: number, forms: ReadonlyMap<string, string>): string {
  const rule = new Intl.PluralRules(locales[language]).select(count);
  const form = forms.get(rule) ?? forms.get("other") ?? "";
  return form.replaceAll("#", String(count));
}
