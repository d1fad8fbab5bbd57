import type { HttpClient } from "http-client";

export interface Recipient {
  readonly name: string;
  readonly email?: string;
  readonly phone?: string;
}

/** A way to reach people. */
export interface Channel {
  readonly name: string;
  reaches(recipient: Recipient): boolean;
  send(recipient: Recipient, text: string): Promise<void>;
}

export function emailChannel(client: HttpClient, from: string): Channel {
  return {
    name: "email",
    reaches: (recipient) => recipient.email !== undefined,
    send: (recipient, text) => client.post("mail", { from, to: recipient.email, text }),
  };
}

/** The longest text of one short message; what is longer is cut at a word. */
const SMS_CHARACTERS = 160;

export function smsChannel(client: HttpClient): Channel {
  return {
    name: "sms",
    reaches: (recipient) => recipient.phone?.startsWith("+") ?? false,
    send: (recipient, text) => client.post("sms", { to: recipient.phone, text: shorten(text) }),
  };
}

function shorten(text: string): string {
  if (text.length <= SMS_CHARACTERS) {
    return text;
  }
  const cut = text.slice(0, SMS_CHARACTERS - 1);
  return `${cut.slice(0, Math.max(cut.lastIndexOf(" "), 1))}…`;
}
