/** @jsxRuntime classic */
/** @jsx h */
import { h, type Element } from "ui-kit";

import { shownProblem, type FormState } from "./state.js";

export interface FieldProps<T extends object> {
  readonly form: FormState<T>;
  readonly name: keyof T & string;
  readonly label: string;
  readonly type?: "text" | "email" | "number" | "date";
  readonly autocomplete?: string;
}

export function Field<T extends object>({ form, name, label, type = "text", autocomplete }: FieldProps<T>): Element {
  const problem = shownProblem(form, name);
  const hint = `${name}-problem`;
  return (
    <div class="field">
      <label for={name}>{label}</label>
      <input
        id={name}
        name={name}
        type={type}
        value={form.value[name]}
        autocomplete={autocomplete}
        aria-invalid={problem !== undefined}
        aria-describedby={problem && hint}
      />
      {problem && (
        <p class="field__problem" id={hint}>
          {label} {problem}
        </p>
      )}
    </div>
  );
}
