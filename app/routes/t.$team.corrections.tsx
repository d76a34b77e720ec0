import { randomUUID } from 'node:crypto'
import { data, redirect, type MetaFunction } from '@remix-run/node'
import { useActionData, useLoaderData } from '@remix-run/react'
import { z } from 'zod'
import { Section } from '~/components/base/page-shell'
import { correctionProblems } from '~/components/team/correction-messages'
import { CorrectionForm, CorrectionTable } from '~/components/team/corrections'
import { FormDone, FormProblem } from '~/components/team/form-answer'
import { MonthChoice } from '~/components/team/month-choice'
import { monthName } from '~/components/team/month-name'
import { TeamShell } from '~/components/team/team-shell'
import {
  correctUsage,
  listCorrectableKeys,
  listCorrections,
} from '~/domain/team/correct-usage.server'
import { listMonths } from '~/domain/team/months.server'
import { formatUsd, nanoFromDecimalString, type NanoUsd } from '~/money'
import { correctionsUrl, ledgerUrl } from '~/urls'
import { ledgerScope, monthAsked } from '~/web/books.server'
import { badRequest, handler } from '~/web/handler.server'
import {
  firstProblem,
  formId,
  parseFields,
  readFields,
  requiredText,
} from '~/web/parse-form.server'
import { requireWithinLimit } from '~/web/rate-limit.server'
import { frameOf, intentOf, requireMoneyRole } from '~/web/team.server'

export const loader = handler(async (args) => {
  const insider = await requireMoneyRole(args)
  const { ctx } = args
  const { team } = insider
  const scope = ledgerScope(insider)
  const { month, months } = await monthAsked(ctx, scope, args.request)
  const [keys, corrections] = await Promise.all([
    listCorrectableKeys(ctx, team.teamId, month, scope.keysOf),
    listCorrections(ctx, team.teamId, month, scope.keysOf),
  ])
  return {
    team: frameOf(team),
    month,
    months,
    keys,
    corrections,
    formId: randomUUID(),
    done: new URL(args.request.url).searchParams.get('done') === 'yes',
    asOf: ctx.now().toISOString(),
  }
})

const maxUsd = nanoFromDecimalString('1000000')
const correctionForm = z.object({
  /** Which key, and the sum of its corrections as it was shown. */
  key: z.string().regex(/^[0-9a-f]{32}\/-?\d{1,11}(\.\d{1,9})?$/, 'no-key'),
  direction: z.enum(['up', 'down'], 'no-key'),
  amount: z
    .string()
    .trim()
    .regex(/^\d{1,7}(\.\d{1,9})?$/, { error: 'bad-amount', abort: true })
    .transform((text): NanoUsd => nanoFromDecimalString(text))
    .refine((amount) => amount > 0n && amount <= maxUsd, 'bad-amount'),
  reason: requiredText(500, 'no-reason', 'no-reason'),
  month: z.string().regex(/^\d{4}-(0[1-9]|1[0-2])-01$/, 'bad-month'),
  formId,
})

export const action = handler(async (args) => {
  const insider = await requireMoneyRole(args)
  await requireWithinLimit(args, 'team-action', insider.viewer)
  const { ctx } = args
  const { team, viewer } = insider
  const fields = await readFields(args.request)
  if (intentOf(fields) !== 'correct') throw badRequest()
  const typed = Object.fromEntries(fields)
  const refuse = (
    problem: keyof typeof correctionProblems,
    status: number,
    detail: string | null = null,
  ) => data({ problem, detail, typed }, { status })
  const form = parseFields(correctionForm, fields)
  if (!form.ok) return refuse(firstProblem(form, correctionProblems), 422)
  const { key, month, formId, ...wish } = form.value
  if (!(await listMonths(ctx, ledgerScope(insider))).includes(month))
    return refuse('bad-month', 422)
  const [handle = '', was = ''] = key.split('/')
  const outcome = await correctUsage(ctx, {
    teamId: team.teamId,
    actorUserId: viewer.userId,
    ...wish,
    handle,
    month,
    was: nanoFromDecimalString(was),
    ...(formId ? { formId } : {}),
  })
  if (outcome.kind === 'corrected')
    return redirect(`${correctionsUrl(team.slug, month)}&done=yes`, 303)
  const detail =
    outcome.reason === 'below-zero'
      ? `${formatUsd(outcome.spent, { exact: true })} is counted for this key in this month.`
      : null
  return refuse(outcome.reason, 409, detail)
})

export const meta: MetaFunction<typeof loader> = ({ data }) => [
  { title: `Corrections · ${data?.team.name ?? 'Team'} · Keymint` },
]

export default function Corrections() {
  const { team, month, months, keys, corrections, formId, done, asOf } =
    useLoaderData<typeof loader>()
  const answer = useActionData<typeof action>()
  const problem = answer ? correctionProblems[answer.problem] : null
  const field =
    answer?.problem === 'bad-amount' ? 'amount' : answer?.problem === 'no-reason' ? 'reason' : null
  return (
    <TeamShell
      team={team}
      title={`Corrections of ${monthName(month)}`}
      lead="Where a provider counted wrongly. Each correction is a posting, and no posting is ever changed."
      back={{ to: ledgerUrl(team.slug, month), label: 'Ledger' }}
    >
      {problem ? (
        <FormProblem title={problem.title}>
          <p>
            {answer?.detail ? `${answer.detail} ` : ''}
            {problem.next}
          </p>
        </FormProblem>
      ) : done && !answer ? (
        <FormDone title="The correction is booked" />
      ) : null}
      <MonthChoice month={month} months={months} />
      {team.closedAt ? null : (
        <Section title="Correct the usage of a key" id="correct">
          <CorrectionForm
            key={done ? formId : month}
            month={month}
            keys={keys}
            typed={answer?.typed ?? null}
            error={field && problem ? { field, message: problem.next } : null}
            formId={formId}
          />
        </Section>
      )}
      <Section title="Booked" id="booked">
        <CorrectionTable rows={corrections} asOf={asOf} />
      </Section>
    </TeamShell>
  )
}
