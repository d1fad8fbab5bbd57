/** A day of the calendar without a time or a zone, as `2025-03-09`. */
export type Day = string & { readonly __day: unique symbol };

export enum Weekday {
  Monday = 1,
  Tuesday,
  Wednesday,
  Thursday,
  Friday,
  Saturday,
  Sunday,
}

/** From the first day up to, and not including, the second. */
export interface Period {
  readonly from: Day;
  readonly to: Day;
}

const MILLISECONDS_A_DAY = 86_400_000;
const PATTERN = /^(\d{4})-(\d{2})-(\d{2})$/;

export function parseDay(text: string): Day {
  if (!PATTERN.test(text) || Number.isNaN(Date.parse(text)) || fromMilliseconds(toMilliseconds(text)) !== text) {
    throw new RangeError(`"${text}" is not a day: write it as 2025-03-09`);
  }
  return text as Day;
}

export function day(year: number, month: number, dayOfMonth: number): Day {
  return fromMilliseconds(Date.UTC(year, month - 1, dayOfMonth));
}

export function addDays(start: Day, days: number): Day {
  return fromMilliseconds(toMilliseconds(start) + days * MILLISECONDS_A_DAY);
}

export function daysBetween(from: Day, to: Day): number {
  return Math.round((toMilliseconds(to) - toMilliseconds(from)) / MILLISECONDS_A_DAY);
}

export function weekday(of: Day): Weekday {
  return new Date(toMilliseconds(of)).getUTCDay() || Weekday.Sunday;
}

export function startOfWeek(of: Day): Day {
  return addDays(of, Weekday.Monday - weekday(of));
}

export function year(of: Day): number {
  return Number(of.slice(0, 4));
}

export function contains(period: Period, what: Day): boolean {
  return period.from <= what && what < period.to;
}

/** Every day of a period, in order. */
export function* days(period: Period): Generator<Day, void, undefined> {
  for (let current = period.from; current < period.to; current = addDays(current, 1)) {
    yield current;
  }
}

/** The month of a day as a period. */
export function month(of: Day): Period {
  const [yearText, monthText] = of.split("-") as [string, string];
  const from = day(Number(yearText), Number(monthText), 1);
  return { from, to: day(Number(yearText), Number(monthText) + 1, 1) };
}

function toMilliseconds(text: string): number {
  return Date.parse(`${text}T00:00:00Z`);
}

function fromMilliseconds(milliseconds: number): Day {
  return new Date(milliseconds).toISOString().slice(0, 10) as Day;
}
