/**
 * Limits on the calls that make keys, as a provider may have them and does not document: so many at
 * once, and so many a second with a burst. What is above is refused before any work, in
 * milliseconds, as a gateway in front does it.
 */
import type { FaultSettings } from '../shared/faults.ts'
import { refuse } from './wire.ts'

export class CreateLimits {
  private running = 0
  private tokens = Infinity
  private filledAt = 0
  private of: FaultSettings['createsPerSecond'] = null

  /** Throws the refusal; otherwise the caller ends what it has begun. `now` is in milliseconds. */
  begin(settings: FaultSettings, now: number): () => void {
    const { createsAtOnce, createsPerSecond } = settings
    if (createsAtOnce !== null && this.running >= createsAtOnce)
      throw refuse(429, undefined, {
        retryAfterSeconds: 1,
        metadata: { error_type: 'rate_limit_exceeded', limit: 'calls at once' },
      })
    if (createsPerSecond !== null) this.takeToken(createsPerSecond, now)
    this.running += 1
    let ended = false
    return () => {
      if (!ended) this.running -= 1
      ended = true
    }
  }

  private takeToken(bucket: NonNullable<FaultSettings['createsPerSecond']>, now: number): void {
    if (this.of !== bucket) {
      this.of = bucket
      this.tokens = bucket.burst
    } else
      this.tokens = Math.min(
        bucket.burst,
        this.tokens + ((now - this.filledAt) * bucket.rate) / 1_000,
      )
    this.filledAt = now
    if (this.tokens < 1)
      throw refuse(429, undefined, {
        retryAfterSeconds:
          bucket.retryAfterSeconds ?? Math.max(1, Math.ceil((1 - this.tokens) / bucket.rate)),
        metadata: { error_type: 'rate_limit_exceeded', limit: 'calls a second' },
      })
    this.tokens -= 1
  }
}
