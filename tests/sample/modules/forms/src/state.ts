import { check, type Problems, type Schema } from "validation";

export interface FormState<T extends object> {
  readonly value: T;
  readonly touched: ReadonlySet<keyof T>;
  readonly problems: Problems<T>;
}

export type FormEvent<T extends object> =
  | { readonly kind: "changed"; readonly field: keyof T; readonly value: T[keyof T] }
  | { readonly kind: "left"; readonly field: keyof T }
  | { readonly kind: "submitted" };

export function start<T extends object>(value: T): FormState<T> {
  return { value, touched: new Set(), problems: {} };
}

/** The next state of a form: a pure function, so that a form can be replayed from its events. */
export function step<T extends object>(state: FormState<T>, event: FormEvent<T>, schema: Schema<T>): FormState<T> {
  const value = event.kind === "changed" ? { ...state.value, [event.field]: event.value } : state.value;
  const touched = new Set(state.touched);
  if (event.kind === "left") {
    touched.add(event.field);
  } else if (event.kind === "submitted") {
    for (const field of Object.keys(value) as (keyof T)[]) {
      touched.add(field);
    }
  }
  const checked = check(value, schema);
  return { value, touched, problems: checked.valid ? {} : checked.problems };
}

/** A problem is shown once the person has left the field, not while they type. */
export function shownProblem<T extends object>(state: FormState<T>, field: keyof T): string | undefined {
  return state.touched.has(field) ? state.problems[field] : undefined;
}
