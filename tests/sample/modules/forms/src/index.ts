export { Field, type FieldProps } from "./field.js";
export { shownProblem, start, step, type FormEvent, type FormState } from "./state.js";
