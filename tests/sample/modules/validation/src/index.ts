import type { Rule } from "./rules.js";

export * from "./rules.js";

/** The rules of each field of a form. */
export type Schema<T> = { readonly [K in keyof T]?: readonly Rule<T[K]>[] };

export type Problems<T> = { readonly [K in keyof T]?: string };

export type Checked<T> =
  | { readonly valid: true; readonly value: T }
  | { readonly valid: false; readonly problems: Problems<T> };

/** Checks every field and keeps the first problem of each. */
export function check<T extends object>(value: T, schema: Schema<T>): Checked<T> {
  const problems: { [K in keyof T]?: string } = {};
  for (const name of Object.keys(schema) as (keyof T)[]) {
    const problem = firstProblem(value[name], schema[name] ?? []);
    if (problem !== undefined) {
      problems[name] = problem;
    }
  }
  return Object.keys(problems).length === 0 ? { valid: true, value } : { valid: false, problems };
}

function firstProblem<T>(value: T, rules: readonly Rule<T>[]): string | undefined {
  for (const rule of rules) {
    const problem = rule(value);
    if (problem !== undefined) {
      return problem;
    }
  }
  return undefined;
}
