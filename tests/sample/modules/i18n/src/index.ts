import { plural } from "./format.js";
import { message, type Language, type MessageKey } from "./messages.js";

export { formatDay, formatMoney } from "./format.js";
export { type Language, type MessageKey } from "./messages.js";

export type Values = Readonly<Record<string, string | number>>;

const PLACEHOLDER = /\{(\w+)(?:, ([^}]+))?\}/g;

/** A message with its values filled in. A value that is missing stays visible as its name. */
export function translate(language: Language, key: MessageKey, values: Values = {}): string {
  return message(language, key).replace(PLACEHOLDER, (whole: string, name: string, forms?: string) => {
    const value = values[name];
    if (value === undefined) {
      return whole;
    }
    return forms === undefined ? String(value) : plural(language, Number(value), parseForms(forms));
  });
}

/** The best of the supported languages for a browser's list of preferences. */
export function negotiate(preferences: readonly string[]): Language {
  for (const preference of preferences) {
    const [base] = preference.toLowerCase().split("-");
    if (base === "de" || base === "en") {
      return base;
    }
  }
  return "en";
}

function parseForms(text: string): Map<string, string> {
  return new Map(text.split(", ").map((form) => form.split(": ", 2) as [string, string]));
}
