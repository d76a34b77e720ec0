/**
 * The claim actions as kinds of bulk action: `claim.retry`, `claim.extend` and so on, with a claim
 * as each subject.
 */
import { nanoFromDecimalString } from '~/money'
import type { BulkItemResult, BulkKind, BulkRun } from '../bulk/bulk-kind'
import type { ClaimActionKind } from './actions'
import type { Ctx } from '../ctx'
import { capsFrom, readActionParams } from './action-params'
import { replaceKey } from './next-key.server'
import { bindAgain, retryMint } from './retry-bind.server'
import { revoke } from './revoke.server'
import { setLimit } from './set-limit.server'
import { switchKey } from './disable.server'

export const claimBulkKind = (kind: ClaimActionKind) => `claim.${kind}`

const names: readonly ClaimActionKind[] = [
  'retry',
  'bind',
  'disable',
  'enable',
  'set-limit',
  'revoke',
  're-issue',
  'extend',
]

export const claimKinds: readonly BulkKind[] = names.map((name) => ({
  name: claimBulkKind(name),
  run,
}))

async function run(ctx: Ctx, bulk: BulkRun, subject: string): Promise<BulkItemResult> {
  const params = readActionParams(bulk.params)
  const { action } = params
  switch (action.kind) {
    case 'retry':
      return retryMint(ctx, bulk, subject, capsFrom(params))
    case 'bind':
      return bindAgain(ctx, bulk, subject)
    case 'disable':
      return switchKey(ctx, bulk, subject, 'off')
    case 'enable':
      return switchKey(ctx, bulk, subject, 'on')
    case 'set-limit':
      return setLimit(ctx, bulk, subject, nanoFromDecimalString(action.limitUsd), capsFrom(params))
    case 'revoke':
      return revoke(ctx, bulk, subject, action)
    case 're-issue':
      return replaceKey(ctx, bulk, subject, { kind: 're-issue' }, capsFrom(params))
    case 'extend':
      return replaceKey(
        ctx,
        bulk,
        subject,
        { kind: 'extend', expiresAt: new Date(action.expiresAt) },
        capsFrom(params),
      )
  }
}
