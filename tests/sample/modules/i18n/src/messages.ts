import german from "./messages.de.json" assert { type: "json" };
import english from "./messages.en.json" assert { type: "json" };

export type Language = "de" | "en";
export type MessageKey = keyof typeof english;

const catalogues: Record<Language, Record<MessageKey, string>> = { de: german, en: english };

/** The text of a message, in English where a translation is missing. */
export function message(language: Language, key: MessageKey): string {
  return catalogues[language][key] ?? english[key];
}
