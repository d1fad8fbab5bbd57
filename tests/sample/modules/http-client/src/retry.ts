/** How often, and how patiently, a request is tried again. */
export interface RetryPolicy {
  /** Attempts in all, the first one included. */
  readonly attempts: number;
  /** The pause before the second attempt in milliseconds; it doubles from there. */
  readonly pause: number;
  /** The longest pause in milliseconds. */
  readonly longest: number;
}

export const patient: RetryPolicy = { attempts: 5, pause: 200, longest: 5_000 };
export const once: RetryPolicy = { attempts: 1, pause: 0, longest: 0 };

/** Trouble that is likely to be over soon: throttling, and gateways without a server behind them. */
export function isPassing(status: number): boolean {
  return status === 429 || status === 502 || status === 503 || status === 504;
}

export function pauseBefore(attempt: number, policy: RetryPolicy): number {
  return attempt <= 1 ? 0 : Math.min(policy.longest, policy.pause * 2 ** (attempt - 2));
}

export async function retry<T>(
  action: (attempt: number) => Promise<T>,
  isWorthIt: (error: unknown) => boolean,
  policy: RetryPolicy,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    await sleep(pauseBefore(attempt, policy));
    try {
      return await action(attempt);
    } catch (error) {
      if (attempt >= policy.attempts || !isWorthIt(error)) {
        throw error;
      }
    }
  }
}

function sleep(milliseconds: number): Promise<void> {
  return milliseconds === 0 ? Promise.resolve() : new Promise((wake) => setTimeout(wake, milliseconds));
}
