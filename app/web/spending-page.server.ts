/** What the page of a team's spending shows: a month that has books, or the days that its address names. */
import { monthName } from '~/components/team/month-name'
import { rangeName } from '~/components/team/range-name'
import type { Ctx } from '~/domain/ctx'
import { readModelSpending } from '~/domain/team/model-spending.server'
import { daysOf, readMonth } from '~/domain/team/months.server'
import { readRange, rangeParts, type DayRange, type RangePart } from '~/domain/team/range.server'
import { booksScope, monthAsked } from './books.server'
import { rangeAsked, rangePresets } from './day-range'
import { rangeChart } from './range-chart.server'
import type { Insider } from './team.server'

export async function readSpendingPage(ctx: Ctx, insider: Insider, request: Request) {
  const scope = booksScope(insider)
  const params = new URL(request.url).searchParams
  const asked = rangeAsked(params, ctx.now())
  const { month, months } = await monthAsked(ctx, scope, request)
  const range = asked.kind === 'range' ? asked.range : daysOfMonth(month, ctx.now())
  const parts = rangeParts.filter((part) => part !== 'member' || scope.userId === null)
  const part: RangePart = parts.find((one) => one === params.get('by')) ?? 'service'
  const [view, models, books] = await Promise.all([
    readRange(ctx, scope, range, part),
    readModelSpending(ctx, scope, range),
    asked.kind === 'range' ? null : readMonth(ctx, scope, month),
  ])
  const whose = scope.userId === null ? 'the team' : 'you'
  const span = books ? `in ${monthName(month)}${books.isOver ? '' : ' so far'}` : rangeName(range)
  const { members, services, projects, keys, moreKeys, corrected, total } = view
  return {
    months,
    month,
    range,
    presets: rangePresets(ctx.now()),
    /** What the fields hold: as typed where that is not a range. */
    typed: asked.kind === 'problem' ? { from: asked.from, to: asked.to } : range,
    problem: asked.kind === 'problem' ? asked.message : null,
    part,
    parts,
    /** Null where days are shown, and no month. */
    books: books ? { isOver: books.isOver } : null,
    total: total.text,
    corrected: corrected?.text ?? null,
    members: books?.members ?? members,
    services,
    projects,
    keys: books?.keys ?? keys,
    moreKeys: books?.moreKeys ?? moreKeys,
    /** Null where no service in use tells models. */
    models,
    chart: rangeChart(view, part, whose, span),
    whole: scope.userId === null,
    ownKeys: scope.keysOf !== null,
  }
}

/** A month as its days, in the present one up to today. */
function daysOfMonth(month: string, now: Date): DayRange {
  return { from: month, to: daysOf(month, now).at(-1) ?? month }
}
