/**
 * What a claim action carries in its row: read back by the job, possibly by a process that has no
 * workshop file.
 */
import { z } from 'zod'
import { decimalStringFromNano, nanoFromDecimalString } from '~/money'
import type { ClaimAction } from './actions'
import type { PoolCaps } from '../workshop-file'

const money = z.string().regex(/^\d+(\.\d+)?$/)

const actionSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('retry') }),
  z.object({ kind: z.literal('bind') }),
  z.object({ kind: z.literal('try-now') }),
  z.object({ kind: z.literal('disable') }),
  z.object({ kind: z.literal('enable') }),
  z.object({ kind: z.literal('set-limit'), limitUsd: money }),
  z.object({
    kind: z.literal('revoke'),
    mayClaimAgain: z.boolean(),
    endReason: z.enum(['revoked', 'given-back', 'closed']),
  }),
  z.object({ kind: z.literal('re-issue') }),
  z.object({ kind: z.literal('extend'), expiresAt: z.iso.datetime() }),
])

const paramsSchema = z.object({
  action: actionSchema,
  caps: z
    .object({
      limitUsd: money.nullable(),
      maxKeys: z.number().int().nullable(),
      totalKeys: z.number().int().nullable(),
    })
    .nullable(),
})

export type ActionParams = z.output<typeof paramsSchema>
export type EndReason = 'revoked' | 'given-back' | 'closed'

/**
 * `caps` are the pool's as the file has them when the action is made; null when there is no file.
 */
export function actionParams(
  action: ClaimAction,
  caps: PoolCaps | null,
  endReason: EndReason = 'revoked',
): ActionParams {
  return {
    action: wireOf(action, endReason),
    caps: caps && {
      limitUsd: caps.limit === null ? null : decimalStringFromNano(caps.limit),
      maxKeys: caps.maxKeys,
      totalKeys: caps.totalKeys,
    },
  }
}

function wireOf(action: ClaimAction, endReason: EndReason): ActionParams['action'] {
  switch (action.kind) {
    case 'set-limit':
      return { kind: action.kind, limitUsd: decimalStringFromNano(action.limit) }
    case 'extend':
      return { kind: action.kind, expiresAt: action.expiresAt.toISOString() }
    case 'revoke':
      return { ...action, endReason }
    case 'retry':
    case 'bind':
    case 'try-now':
    case 'disable':
    case 'enable':
    case 're-issue':
      return action
  }
}

export const readActionParams = (params: unknown): ActionParams => paramsSchema.parse(params)

export function capsFrom({ caps }: ActionParams): PoolCaps | null {
  return (
    caps && {
      limit: caps.limitUsd === null ? null : nanoFromDecimalString(caps.limitUsd),
      maxKeys: caps.maxKeys,
      totalKeys: caps.totalKeys,
    }
  )
}
