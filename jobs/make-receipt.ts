import type { JobHandler } from './job-handler'
import { makeReceipt } from '~/domain/staff/receipt.server'

/** Makes a workshop's receipt once its books are closed; until then it comes back. */
export const makeReceiptJob: JobHandler<'make-receipt'> = (ctx, { workshopSlug }) =>
  makeReceipt(ctx, workshopSlug)
