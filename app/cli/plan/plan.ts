/**
 * What a set of workshop files means against a base: what is made, changed and removed, what it may
 * cost, and what was perhaps not meant. Pure; everything that was asked comes in.
 */
import type { NanoUsd } from '~/money'
import type { Problem, Workshop, WorkshopCatalog } from '../../domain/workshop-file'
import { committedAt, keysThatFit, worstCaseSpend } from '../../domain/workshop/worst-case'
import { windowState, type WindowState } from '../../domain/workshop/workshop'
import type { Base } from './base'
import { changesOf, looksRenamed, type Change } from './changes'
import { likelyMistakes, type Mistake } from './mistakes'
import { planModels, type ModelList, type ModelPlan } from './models'

export type Live = { liveKeys: number; claims: number; spent: NanoUsd }

/** What was asked of the database: null where no DATABASE_URL is given. */
export type LiveNumbers = { bySlug: Map<string, Live> | null; error: string | null } | null

export type Credits = { left: NanoUsd | null; why: string | null }

export type WorkshopPlan = {
  slug: string
  file: string
  status: 'added' | 'changed' | 'renamed' | 'unchanged' | 'shown'
  /** The slug that it had. */
  renamedFrom: string | null
  workshop: Workshop
  window: WindowState
  worst: NanoUsd | null
  worstBefore: NanoUsd | null
  seats: number
  perKey: NanoUsd
  models: ModelPlan[]
  changes: Change[]
  mistakes: (Mistake & { line: number })[]
  live: Live | null
}

export type RemovedPlan = { slug: string; title: string | null; live: Live | null }

export type Plan = {
  asOf: Date
  base: { kind: 'git' | 'folder'; name: string } | null
  problems: Problem[]
  warnings: Problem[]
  workshops: WorkshopPlan[]
  removed: RemovedPlan[]
  /** Of what has not closed; null where something has no limit. */
  worst: NanoUsd | null
  credits: Credits
  modelList: Pick<ModelList, 'host' | 'error'>
  database: { error: string | null } | null
}

export type PlanInput = {
  now: Date
  catalog: WorkshopCatalog
  /** The file and its text, by slug. */
  files: Map<string, { path: string; text: string }>
  base: Base | null
  /** Slugs of the base that could have been removed: all of a folder, or the files named. */
  expected: (slug: string) => boolean
  models: ModelList
  credits: Credits
  live: LiveNumbers
}

export function makePlan(input: PlanInput): Plan {
  const { now, catalog, base, live } = input
  const liveOf = (slug: string): Live | null =>
    live?.bySlug ? (live.bySlug.get(slug) ?? { liveKeys: 0, claims: 0, spent: 0n }) : null
  const present = (slug: string) => catalog.workshops.has(slug) || catalog.broken.has(slug)
  const gone = [...(base?.files ?? [])].filter(([slug]) => !present(slug) && input.expected(slug))
  const workshops = [...catalog.workshops.values()].map((workshop): WorkshopPlan => {
    const { slug } = workshop
    const was = base?.files.get(slug)
    const isNew = base !== null && !base.files.has(slug)
    const renamed = isNew ? gone.find(([, old]) => old && looksRenamed(old, workshop)) : undefined
    const before = was ?? renamed?.[1] ?? null
    const changes = before === null ? [] : changesOf(before, workshop)
    const at = workshop.claimsOpenAt ?? now
    const file = input.files.get(slug)
    const isChanged = changes.length > 0 || was === null
    return {
      slug,
      file: file?.path ?? `${slug}.yaml`,
      status: statusOf({
        hasBase: base !== null,
        isNew,
        isRenamed: renamed !== undefined,
        isChanged,
      }),
      renamedFrom: renamed?.[0] ?? null,
      workshop,
      window: windowState(workshop, now),
      worst: worstCaseSpend(workshop, at),
      worstBefore: before === null ? null : worstCaseSpend(before, before.claimsOpenAt ?? now),
      seats: keysThatFit(workshop, at),
      perKey: committedAt(workshop, at),
      models: planModels(workshop.allowedModels, input.models),
      changes,
      mistakes: likelyMistakes(workshop, was ?? null, now).map((one) => ({
        ...one,
        line: lineOf(file?.text ?? '', one.field),
      })),
      live: liveOf(slug),
    }
  })
  const renamed = new Set(workshops.map(({ renamedFrom }) => renamedFrom))
  const ahead = workshops.filter((one) => one.window !== 'closed')
  return {
    asOf: now,
    base: base && { kind: base.kind, name: base.name },
    problems: catalog.problems,
    warnings: catalog.warnings,
    workshops,
    removed: gone
      .filter(([slug]) => !renamed.has(slug))
      .map(([slug, old]) => ({ slug, title: old?.title ?? null, live: liveOf(slug) })),
    worst: ahead.reduce<NanoUsd | null>(
      (sum, one) => (sum === null || one.worst === null ? null : sum + one.worst),
      0n,
    ),
    credits: input.credits,
    modelList: { host: input.models.host, error: input.models.error },
    database: live && { error: live.error },
  }
}

/** A file that cannot be read or names a model that does not exist would fail on the day. */
export const hasError = (plan: Plan): boolean =>
  plan.problems.length > 0 ||
  plan.workshops.some((one) => one.models.some((model) => model.exists === false))

/** Where the file says it; 1 where it does not. */
export function lineOf(text: string, field: string): number {
  const index = text.split('\n').findIndex((line) => line.startsWith(`${field}:`))
  return index === -1 ? 1 : index + 1
}

function statusOf(found: {
  hasBase: boolean
  isNew: boolean
  isRenamed: boolean
  isChanged: boolean
}): WorkshopPlan['status'] {
  if (!found.hasBase) return 'shown'
  if (found.isRenamed) return 'renamed'
  if (found.isNew) return 'added'
  return found.isChanged ? 'changed' : 'unchanged'
}
