import { readAccountFacts } from '~/domain/keys/account-facts.server'
import type { JobHandler } from './job-handler'

/** Reads the balance of one account, and what its keys spent by model. */
export const readAccountFactsJob: JobHandler<'read-account-facts'> = (ctx, { account }) =>
  readAccountFacts(ctx, account)
