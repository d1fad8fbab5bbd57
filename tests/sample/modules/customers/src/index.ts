import type { AuditLog } from "audit-log";
import type { HttpClient } from "http-client";
import { check, email, longest, required, type Checked, type Schema } from "validation";

export type CustomerId = `C-${number}`;

export interface Customer {
  readonly id: CustomerId;
  readonly name: string;
  readonly email: string;
  readonly phone: string;
  readonly note: string;
}

const schema: Schema<Customer> = {
  name: [required, longest(120)],
  email: [required, email],
  note: [longest(2_000)],
};

export function checkCustomer(customer: Customer): Checked<Customer> {
  return check(customer, schema);
}

/** The fields that differ, with what they were before. */
export function changes(before: Customer, after: Customer): Partial<Customer> {
  const names = Object.keys(before) as (keyof Customer)[];
  return Object.fromEntries(names.filter((name) => before[name] !== after[name]).map((name) => [name, before[name]]));
}

export class CustomerRegister {
  readonly #known = new Map<CustomerId, Customer>();

  constructor(private readonly client: HttpClient, private readonly log: AuditLog) {}

  async find(id: CustomerId): Promise<Customer> {
    const known = this.#known.get(id) ?? (await this.client.get<Customer>(`customers/${id}`));
    this.#known.set(id, known);
    return known;
  }

  async save(customer: Customer, actor: string): Promise<Checked<Customer>> {
    const checked = checkCustomer(customer);
    if (checked.valid) {
      const before = await this.find(customer.id);
      await this.client.put(`customers/${customer.id}`, customer);
      this.#known.set(customer.id, customer);
      const details = changes(before, customer);
      this.log.record({ actor, action: "customer.saved", subject: customer.id, severity: "change", details });
    }
    return checked;
  }

  /** Forgets a person, as the law asks for; orders keep the number only. */
  async forget(id: CustomerId, actor: string): Promise<void> {
    await this.client.delete(`customers/${id}`);
    this.#known.delete(id);
    this.log.record({ actor, action: "customer.forgotten", subject: id, severity: "security" });
  }
}
