/** What the wall of a workshop shows. Everything here may stand on a screen in public: no names. */
import type { MoneyView } from '../money-view'
import type { AnnouncementView, WorkshopPulse, WorkshopView } from '../workshop/view-types'

export type WallSpending = {
  /** Of the pool, in whole percent; null where no pool bounds it. */
  percent: number | null
  /** At the pace of the last half hour the pool lasts until then; null where that says nothing. */
  lastsUntil: string | null
  /** For staff alone. */
  spent: MoneyView | null
  pool: MoneyView | null
}

export type WallView = Pick<WorkshopView, 'slug' | 'title' | 'timezone'> &
  Pick<WorkshopPulse, 'window' | 'endedAt' | 'opensAt' | 'closesAt' | 'asOf'> & {
    paused: boolean
    claimed: number
    /** Null where nothing bounds the number of keys. */
    left: number | null
    /** From the claim to the key, of the last hour; null without a key in it. */
    medianWaitSeconds: number | null
    /** Null where the viewer is not shown money at all. */
    spending: WallSpending | null
    /** The newest one. */
    announcement: AnnouncementView | null
    /** Milliseconds until the next look. */
    next: number
  }

/**
 * What this viewer sees of it: everybody the share that is spent where the workshop's file says so,
 * staff the amounts as well.
 */
export function wallFor(wall: WallView, viewer: { staff: boolean; showsShare: boolean }): WallView {
  const { spending } = wall
  if (spending === null || viewer.staff) return wall
  return {
    ...wall,
    spending: viewer.showsShare ? { ...spending, spent: null, pool: null } : null,
  }
}
