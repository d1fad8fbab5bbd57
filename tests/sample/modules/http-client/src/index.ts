import { isPassing, once, patient, retry, type RetryPolicy } from "./retry.js";

export { once, patient, type RetryPolicy } from "./retry.js";

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface RequestOptions {
  readonly query?: Query;
  readonly signal?: AbortSignal;
  readonly retries?: RetryPolicy;
}

/** The body of an error, as RFC 9457 has it. */
export interface Problem {
  readonly title: string;
  readonly detail?: string;
}

export class HttpError extends Error {
  override readonly name: string = "HttpError";

  constructor(readonly status: number, readonly url: string, readonly problem?: Problem | undefined) {
    super(`${url} answered ${status}${problem === undefined ? "" : `: ${problem.title}`}`);
  }
}

export class HttpClient {
  readonly #base: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(base: string, headers: Readonly<Record<string, string>> = {}) {
    this.#base = base.endsWith("/") ? base : `${base}/`;
    this.#headers = { accept: "application/json", ...headers };
  }

  get<T>(path: string, options: RequestOptions = {}): Promise<T> {
    return this.#send<T>("GET", path, undefined, { retries: patient, ...options });
  }

  post<T>(path: string, body: unknown, options: RequestOptions = {}): Promise<T> {
    return this.#send<T>("POST", path, body, options);
  }

  put<T>(path: string, body: unknown, options: RequestOptions = {}): Promise<T> {
    // The same PUT twice is the same as once, so it may be tried again.
    return this.#send<T>("PUT", path, body, { retries: patient, ...options });
  }

  async delete(path: string, options: RequestOptions = {}): Promise<void> {
    await this.#send<unknown>("DELETE", path, undefined, options);
  }

  #send<T>(method: string, path: string, body: unknown, options: RequestOptions): Promise<T> {
    const url = this.#url(path, options.query);
    const request: RequestInit = { method, headers: { ...this.#headers }, signal: options.signal ?? null };
    if (body !== undefined) {
      request.headers = { ...this.#headers, "content-type": "application/json" };
      request.body = JSON.stringify(body);
    }
    const isWorthIt = (error: unknown): boolean => error instanceof HttpError && isPassing(error.status);
    return retry(() => receive<T>(url, request), isWorthIt, options.retries ?? once);
  }

  #url(path: string, query: Query = {}): string {
    const url = new URL(path, this.#base);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) {
        url.searchParams.set(name, String(value));
      }
    }
    return url.href;
  }
}

async function receive<T>(url: string, request: RequestInit): Promise<T> {
  const response = await fetch(url, request);
  if (!response.ok) {
    const problem = (await response.json().catch(() => undefined)) as Problem | undefined;
    throw new HttpError(response.status, url, problem);
  }
  return (response.status === 204 ? undefined : await response.json()) as T;
}
