import { translate, type Language, type MessageKey, type Values } from "i18n";

import type { Channel, Recipient } from "./channel.js";

export { emailChannel, smsChannel, type Channel, type Recipient } from "./channel.js";

export interface Notification {
  readonly recipient: Recipient;
  readonly language: Language;
  readonly message: MessageKey;
  readonly values?: Values;
}

export type Delivery =
  | { readonly kind: "delivered"; readonly channel: string }
  | { readonly kind: "unreachable" }
  | { readonly kind: "failed"; readonly reasons: readonly string[] };

/** Tries the channels in their order until one of them has delivered. */
export async function notify(notification: Notification, channels: readonly Channel[]): Promise<Delivery> {
  const { recipient, language, message, values } = notification;
  const text = translate(language, message, values);
  const reasons: string[] = [];
  for (const channel of channels.filter((candidate) => candidate.reaches(recipient))) {
    try {
      await channel.send(recipient, text);
      return { kind: "delivered", channel: channel.name };
    } catch (error) {
      reasons.push(`${channel.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return reasons.length === 0 ? { kind: "unreachable" } : { kind: "failed", reasons };
}
