/** The answer to a button, shown above the list. `ask` is a question that comes first. */
import type { CalloutTone } from '../../base/callout'

export type QueueActionAnswer =
  | { kind: 'said'; about: 'jobs' | 'minting'; tone: CalloutTone; message: string }
  | {
      kind: 'ask'
      jobIds: string[]
      all: boolean
      until: string
      count: number
      meanings: string[]
      problem: string | null
    }
  | { kind: 'reason-missing' }
