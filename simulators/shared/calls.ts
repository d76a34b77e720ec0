/** The calls received: counts of all, details of the last ones. Holds no key and no body. */
export interface RecordedCall {
  endpoint: string
  path: string
  /** 0 when the connection was dropped instead of answered. */
  status: number
  fault: string | null
  milliseconds: number
  at: string
}

const callsKept = 500

export class CallLog {
  private counts: Record<string, number> = {}
  private statuses: Record<string, Record<string, number>> = {}
  private last: RecordedCall[] = []
  private running = 0
  private maxRunning = 0

  begin(): void {
    this.running += 1
    this.maxRunning = Math.max(this.maxRunning, this.running)
  }

  end(call: RecordedCall): void {
    this.running -= 1
    this.counts[call.endpoint] = (this.counts[call.endpoint] ?? 0) + 1
    const statuses = (this.statuses[call.endpoint] ??= {})
    statuses[call.status] = (statuses[call.status] ?? 0) + 1
    this.last.push(call)
    if (this.last.length > callsKept * 2) this.last = this.last.slice(-callsKept)
  }

  clear(): void {
    this.counts = {}
    this.statuses = {}
    this.last = []
    this.maxRunning = this.running
  }

  toWire(limit: number): object {
    return {
      counts: this.counts,
      statuses: this.statuses,
      running: this.running,
      maxRunning: this.maxRunning,
      last: this.last.slice(-Math.min(limit, callsKept)),
    }
  }
}
