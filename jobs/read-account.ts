import { readAccount, readDue } from '~/domain/keys/read-account.server'
import type { JobHandler } from './job-handler'

/** Reads the keys of one account and settles what is due. */
export const readAccountJob: JobHandler<'read-account'> = (ctx, { account, due }) =>
  due ? readDue(ctx, account) : readAccount(ctx, account)
