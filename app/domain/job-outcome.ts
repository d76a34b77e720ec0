/** What a job's handler may answer. Only a bug throws. */
export type JobOutcome =
  | { kind: 'done' }
  /** Run again after the queue's own backoff. */
  | { kind: 'retry'; reason: string }
  /** Run again after so many seconds; not a failure. */
  | { kind: 'snooze'; seconds: number; reason: string }
