/** Turns for calls that make keys: how many go out at once is learnt per account (keys/pace.ts). */

/** What became of a call. `neutral` says nothing of a limit: a lost answer, a refusal for good. */
export type CallEnd = 'accepted' | 'refused' | 'failed' | 'neutral'

export type Turn = {
  /** The call goes out now; what came before was our own work. */
  sent(): void
  /** The call was not made: it counts nowhere. */
  unused(): void
  /** `close`: everything of late was refused, and the account has to cool down. */
  end(how: CallEnd): Promise<'go-on' | 'close'>
}

export type CallPace = {
  /** Waits for a turn; one that comes back after a refusal goes first. */
  take(account: string, options?: { first?: boolean }): Promise<Turn>
}
