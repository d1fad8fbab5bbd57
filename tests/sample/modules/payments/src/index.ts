import type { AuditLog } from "audit-log";
import { HttpError, type HttpClient } from "http-client";
import { toDecimal, type Money } from "money";

import { describe, problemOf, type PaymentMethod } from "./method.js";

export { describe, problemOf, type PaymentMethod } from "./method.js";

export type Payment =
  | { readonly state: "authorised"; readonly id: string; readonly amount: Money }
  | { readonly state: "declined"; readonly reason: string };

interface Authorisation {
  readonly id: string;
}

export class PaymentGateway {
  constructor(private readonly client: HttpClient, private readonly log: AuditLog) {}

  /** Reserves an amount. The same reference twice reserves it once. */
  async authorise(reference: string, amount: Money, method: PaymentMethod): Promise<Payment> {
    const payment = await this.ask(reference, amount, method);
    this.log.record({
      actor: "shop",
      action: `payment.${payment.state}`,
      subject: reference,
      severity: payment.state === "declined" ? "security" : "change",
      details: { amount: toDecimal(amount), method: describe(method) },
    });
    return payment;
  }

  async capture(payment: Extract<Payment, { state: "authorised" }>): Promise<void> {
    await this.client.put(`authorisations/${encodeURIComponent(payment.id)}/capture`, {});
  }

  private async ask(reference: string, amount: Money, method: PaymentMethod): Promise<Payment> {
    const problem = problemOf(method);
    if (problem !== undefined) {
      return { state: "declined", reason: problem };
    }
    try {
      const body = { amount: toDecimal(amount), currency: amount.currency, method };
      const { id } = await this.client.put<Authorisation>(`authorisations/${encodeURIComponent(reference)}`, body);
      return { state: "authorised", id, amount };
    } catch (error) {
      if (error instanceof HttpError && error.status === 402) {
        return { state: "declined", reason: error.problem?.title ?? "The bank declined the payment" };
      }
      throw error;
    }
  }
}
