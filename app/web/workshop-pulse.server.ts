/**
 * A workshop's pulse, for the poll of its page. A whole workshop watches it at once, so what was read
 * is answered again for a second.
 */
import type { Ctx } from '~/domain/ctx'
import { pulseOf } from '~/domain/workshop/pulse'
import type { WorkshopPulse } from '~/domain/workshop/view-types'
import { findWorkshopView } from '~/domain/workshop/view.server'

const freshMs = 1_000

type Kept = { at: number; pulse: Promise<WorkshopPulse | null> }
const kept = new WeakMap<Ctx, Map<string, Kept>>()

/** Null where there is no such workshop, or none that can be shown. */
export async function readWorkshopPulse(ctx: Ctx, slug: string): Promise<WorkshopPulse | null> {
  // Only names of our own files are kept.
  if (!ctx.workshops.workshops.has(slug)) return null
  const pulses = kept.get(ctx) ?? new Map<string, Kept>()
  kept.set(ctx, pulses)
  const last = pulses.get(slug)
  const now = ctx.now().getTime()
  if (last && now >= last.at && now - last.at < freshMs) return last.pulse
  const pulse = read(ctx, slug)
  pulses.set(slug, { at: now, pulse })
  pulse.catch(() => pulses.delete(slug))
  return pulse
}

async function read(ctx: Ctx, slug: string): Promise<WorkshopPulse | null> {
  const view = await findWorkshopView(ctx, slug)
  return view && !('broken' in view) ? pulseOf(view) : null
}
