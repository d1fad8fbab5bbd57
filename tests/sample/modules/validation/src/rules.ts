/** A rule looks at a value and says what is wrong with it, or nothing. */
export type Rule<T> = (value: T) => string | undefined;

export const required: Rule<string> = (value) => (value.trim() === "" ? "is required" : undefined);

export const email: Rule<string> = (value) =>
  /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(value) ? undefined : "is not an e-mail address";

export function longest(characters: number): Rule<string> {
  return (value) => (value.length > characters ? `has more than ${characters} characters` : undefined);
}

export function between(least: number, most: number): Rule<number> {
  return (value) => (value < least || value > most ? `is not between ${least} and ${most}` : undefined);
}

/** An international bank account number: its remainder by 97 is 1 once letters are numbers. */
export const iban: Rule<string> = (value) => {
  const text = value.replaceAll(" ", "").toUpperCase();
  if (!/^[A-Z]{2}\d{2}[A-Z0-9]{11,30}$/.test(text)) {
    return "is not an IBAN";
  }
  let remainder = 0;
  for (const character of text.slice(4) + text.slice(0, 4)) {
    for (const digit of String(Number.parseInt(character, 36))) {
      remainder = (remainder * 10 + Number(digit)) % 97;
    }
  }
  return remainder === 1 ? undefined : "has a wrong check digit";
};

/** The check digit that card numbers end in (Luhn). */
export const cardNumber: Rule<string> = (value) => {
  const digits = [...value.replaceAll(" ", "")].map(Number);
  if (digits.length < 12 || digits.some(Number.isNaN)) {
    return "is not a card number";
  }
  const total = digits.reverse().reduce((left, digit, index) => {
    const doubled = digit * 2;
    return left + (index % 2 === 0 ? digit : doubled > 9 ? doubled - 9 : doubled);
  }, 0);
  return total % 10 === 0 ? undefined : "has a wrong check digit";
};
