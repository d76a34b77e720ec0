/** What another cap would do to the member's money, without doing it. */
import { type NanoUsd } from '~/money'
import type { Ctx } from '../ctx'
import type { MoneyView } from '../money-view'
import { moneyView } from '../money-view'
import { readUnderCeiling } from '../money/ceiling.server'
import { readBalance } from '../money/postings.server'
import { committedIn, dueCommitment, openSubKey, spentOfCap } from './key-row.server'
import { whyNotChangeable } from './sub-key.server'

export type CapPreview = {
  from: MoneyView
  to: MoneyView
  used: MoneyView
  freeBefore: MoneyView
  freeAfter: MoneyView
  raises: boolean
  possible: boolean
  why: 'below-used' | 'not-enough' | 'team-ceiling' | null
  /** What the team's ceiling leaves; null without one. */
  underCeiling: MoneyView | null
}

/**
 * What a change of the cap would do to the budget, without doing it. Null when the key cannot be
 * changed, or has this cap.
 */
export async function previewCap(
  ctx: Ctx,
  ref: { teamId: string; keyId: string },
  cap: NanoUsd,
): Promise<CapPreview | null> {
  return ctx.db.$transaction(async (tx) => {
    const open = await openSubKey(ctx, tx, ref.keyId)
    if (
      !open ||
      open.key.teamId !== ref.teamId ||
      whyNotChangeable(open.member, open.key, ctx.now()) !== null ||
      cap === open.key.cap
    )
      return null
    const { member, key } = open
    const used = spentOfCap(key, member.month)
    const { free } = await readBalance(tx, member, member.month)
    const change = dueCommitment(key, member.month, cap) - committedIn(key, member.month)
    const raises = cap > key.cap
    const under = await readUnderCeiling(tx, member.teamId, member.month)
    const why =
      cap <= used
        ? 'below-used'
        : raises && change > free
          ? 'not-enough'
          : raises && change > 0n && under && change > under.left
            ? 'team-ceiling'
            : null
    return {
      from: moneyView(key.cap),
      to: moneyView(cap),
      used: moneyView(used),
      freeBefore: moneyView(free),
      freeAfter: moneyView(free - change),
      raises,
      possible: why === null,
      why,
      underCeiling: under && moneyView(under.left > 0n ? under.left : 0n),
    }
  })
}
