/** What became of a button, said above the list. `ask` is a question to answer first. */
export type QueueActionAnswer =
  | { kind: 'said'; about: 'jobs' | 'minting'; tone: 'mint' | 'plain' | 'amber'; words: string }
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
