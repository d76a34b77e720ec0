/** What a job's handler may answer. Only a bug throws. */
export type JobOutcome =
  /**
   * With an error: the work has ended without success, and an automatic retry would not help.
   * `counts` is what a scheduled job found or did, for the page of schedules.
   */
  | { kind: 'done'; error?: JobError; counts?: JobCounts }
  /** Retry after the queue's own backoff. */
  | { kind: 'retry'; reason: string; error?: JobError }
  /**
   * Run again after so many seconds; not a failure. With an error, that is what it waits for to
   * pass.
   */
  | { kind: 'snooze'; seconds: number; reason: string; error?: JobError }

/** How much of what: names that components/staff/queue/schedule-messages.ts has a label for. */
export type JobCounts = Record<string, number>

/**
 * An error as the history of jobs groups it: a word for its kind, the provider's status and its own
 * sentence. Never a secret.
 */
export type JobError = { reason: string; status?: number; message?: string }
