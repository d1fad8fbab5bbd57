import { addDays, day, weekday, Weekday, year, type Day } from "./index.js";

/** Days on which nobody works, beside the weekends. */
export type Holidays = ReadonlySet<Day>;

const cache = new Map<number, Holidays>();

/** Easter Sunday, by the anonymous Gregorian algorithm. */
export function easter(of: number): Day {
  const golden = of % 19;
  const century = Math.floor(of / 100);
  const inCentury = of % 100;
  const correction = century - Math.floor(century / 4) - Math.floor((century - Math.floor((century + 8) / 25) + 1) / 3);
  const moon = (19 * golden + correction + 15) % 30;
  const sunday = (32 + 2 * (century % 4) + 2 * Math.floor(inCentury / 4) - moon - (inCentury % 4)) % 7;
  const late = Math.floor((golden + 11 * moon + 22 * sunday) / 451);
  const total = moon + sunday - 7 * late + 114;
  return day(of, Math.floor(total / 31), (total % 31) + 1);
}

export function holidays(of: number): Holidays {
  let found = cache.get(of);
  if (found === undefined) {
    const sunday = easter(of);
    found = new Set<Day>([
      day(of, 1, 1),
      addDays(sunday, -2),
      addDays(sunday, 1),
      day(of, 5, 1),
      addDays(sunday, 39),
      addDays(sunday, 50),
      day(of, 12, 25),
      day(of, 12, 26),
    ]);
    cache.set(of, found);
  }
  return found;
}

export function isWorkday(what: Day): boolean {
  return weekday(what) < Weekday.Saturday && !holidays(year(what)).has(what);
}

/** The day that is so many working days after `start`; the next working day for 0. */
export function addWorkdays(start: Day, count: number): Day {
  let current = start;
  let left = count;
  while (left > 0 || !isWorkday(current)) {
    current = addDays(current, 1);
    if (left > 0 && isWorkday(current)) {
      left -= 1;
    }
  }
  return current;
}
