import { HttpError, type HttpClient } from "http-client";

export type Severity = "notice" | "change" | "security";

export interface AuditEntry {
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  readonly severity: Severity;
  readonly details?: Readonly<Record<string, unknown>>;
}

export interface AuditLogOptions {
  /** Entries that are sent together. */
  readonly batch?: number;
  /** Names in `details` whose values must not leave the browser. */
  readonly secrets?: readonly string[];
}

/** Collects entries and sends them in batches; a batch that the server does not take is kept for the next time. */
export class AuditLog {
  readonly #client: HttpClient;
  readonly #batch: number;
  readonly #secrets: ReadonlySet<string>;
  #waiting: AuditEntry[] = [];
  #sending: Promise<void> | undefined;

  constructor(client: HttpClient, options: AuditLogOptions = {}) {
    this.#client = client;
    this.#batch = options.batch ?? 50;
    this.#secrets = new Set(options.secrets ?? ["password", "token", "iban"]);
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  record(entry: AuditEntry): void {
    this.#waiting.push(redact(entry, this.#secrets));
    if (this.#waiting.length >= this.#batch || entry.severity === "security") {
      void this.flush();
    }
  }

  flush(): Promise<void> {
    this.#sending ??= this.#send().finally(() => {
      this.#sending = undefined;
    });
    return this.#sending;
  }

  async #send(): Promise<void> {
    const entries = this.#waiting.splice(0, this.#batch);
    if (entries.length === 0) {
      return;
    }
    try {
      await this.#client.post("audit/entries", { entries });
    } catch (error) {
      const isRefused = error instanceof HttpError && error.status === 422;
      if (!isRefused) {
        this.#waiting.unshift(...entries);
      }
    }
  }
}

function redact(entry: AuditEntry, secrets: ReadonlySet<string>): AuditEntry {
  if (entry.details === undefined) {
    return entry;
  }
  const kept = Object.entries(entry.details).map(([name, value]) => [name, secrets.has(name) ? "•••" : value]);
  return { ...entry, details: Object.fromEntries(kept) as Record<string, unknown> };
}
