/** An answer that a handler refuses with; each stand-in writes it in its provider's own shape. */
export type JsonObject = Record<string, unknown>

export interface RefusalDetails {
  metadata?: JsonObject
  /** Why a model cannot answer, beside the message. */
  availability?: JsonObject
  retryAfterSeconds?: number
  headers?: Record<string, string>
}

export class Refusal extends Error {
  readonly status: number
  readonly details: RefusalDetails

  constructor(status: number, message: string, details: RefusalDetails = {}) {
    super(message)
    this.status = status
    this.details = details
  }
}
