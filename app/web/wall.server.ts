/** The wall for one viewer. Several screens watch one, so what was read is answered again for a while. */
import { encode } from 'uqr'
import type { Ctx } from '~/domain/ctx'
import { readWall } from '~/domain/operations/wall.server'
import { wallFor, type WallView } from '~/domain/operations/wall'
import { isOrganizer, type Viewer } from '~/domain/people/session.server'

const freshMs = 2_000

type Kept = { at: number; wall: Promise<WallView | null> }
const kept = new WeakMap<Ctx, Map<string, Kept>>()

/** Null where there is no such workshop, or none that can be shown. */
export async function readWallFor(
  ctx: Ctx,
  slug: string,
  viewer: Viewer | null,
): Promise<WallView | null> {
  const file = ctx.workshops.workshops.get(slug)
  // Only names of our own files are kept.
  if (!file) return null
  const walls = kept.get(ctx) ?? new Map<string, Kept>()
  kept.set(ctx, walls)
  const wall = await freshWall(ctx, walls, slug)
  return (
    wall &&
    wallFor(wall, {
      staff: viewer !== null && (viewer.role !== 'attendee' || isOrganizer(file, viewer)),
      showsShare: file.wallShowsSpending,
    })
  )
}

function freshWall(ctx: Ctx, walls: Map<string, Kept>, slug: string): Promise<WallView | null> {
  const now = ctx.now().getTime()
  const last = walls.get(slug)
  if (last && now >= last.at && now - last.at < freshMs) return last.wall
  const wall = readWall(ctx, slug)
  walls.set(slug, { at: now, wall })
  wall.catch(() => walls.delete(slug))
  return wall
}

export type QrCode = { size: number; path: string }

/** Black squares as one path, a run of them at a time; the quiet zone around them is part of it. */
export function qrCodeOf(text: string): QrCode {
  const { size, data } = encode(text, { ecc: 'M', border: 4 })
  const runs: string[] = []
  for (const [y, row] of data.entries())
    for (let x = 0; x < size; x++) {
      if (!row[x]) continue
      const from = x
      while (row[x + 1]) x++
      runs.push(`M${from} ${y}h${x + 1 - from}v1h${from - x - 1}z`)
    }
  return { size, path: runs.join('') }
}
