/** A receipt as its page has it. */
import { expect, test } from 'vitest'
import type { ReceiptBody } from '~/domain/staff/receipt-view'
import { receiptView } from './receipt-messages'

const body: ReceiptBody = {
  title: 'A workshop',
  claimsOpenedAt: null,
  claimsClosedAt: null,
  firstClaimAt: null,
  lastKeyEndedAt: null,
  claims: 3,
  refused: 0,
  keysMade: 3,
  activePeople: 2,
  medianSpendUsd: '0.250000000',
  p95SpendUsd: '1.500000000',
  largestSpendUsd: '1.500000000',
  spentUsd: '1.760000000',
  grantedUsd: '6.000000000',
  unspentUsd: '4.240000000',
  poolUsd: null,
  optIns: 1,
  models: null,
  modelsUsd: null,
}
const model = (usd: string) => ({
  model: 'a/b',
  usd,
  requests: 1,
  promptTokens: 1,
  completionTokens: 1,
})

test('each model has its share of what the models account for, and the page says what they do not cover', () => {
  const view = receiptView({
    ...body,
    models: [model('1.500000000'), model('0.250000000')],
    modelsUsd: '1.750000000',
  })
  expect(view.models?.map(({ percent }) => percent)).toEqual([86, 14])
  expect(view.covered).toEqual({ usd: '$1.75', whole: false })
})

test('without costs of models, or with costs of nothing, nothing is divided by zero', () => {
  expect(receiptView(body).models).toBeNull()
  const view = receiptView({ ...body, models: [model('0.000000000')], modelsUsd: '0.000000000' })
  expect(view.models?.[0]?.percent).toBe(0)
})
