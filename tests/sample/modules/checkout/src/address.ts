import { email, longest, required, type Rule, type Schema } from "validation";

export interface Address {
  readonly name: string;
  readonly email: string;
  readonly street: string;
  readonly postcode: string;
  readonly city: string;
  readonly country: "AT" | "CH" | "DE" | "GB";
}

export const emptyAddress: Address = { name: "", email: "", street: "", postcode: "", city: "", country: "DE" };

const postcode: Rule<string> = (value) =>
  /^(\d{4,5}|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2})$/i.test(value.trim()) ? undefined : "is not a postcode";

export const addressSchema: Schema<Address> = {
  name: [required, longest(80)],
  email: [required, email],
  street: [required, longest(120)],
  postcode: [required, postcode],
  city: [required, longest(80)],
};
