import { readCredits } from '~/domain/keys/account-reading.server'
import { sendAccountFacts } from '~/domain/keys/account-facts.server'
import { sendAccountReads } from '~/domain/keys/read-account.server'
import type { JobHandler } from './job-handler'

/** Sends the reading of each account that has anything to read, and reads the deployment's credits. */
export const readAccountsJob: JobHandler<'read-accounts'> = async (ctx) => {
  const accountsSent = await sendAccountReads(ctx)
  await sendAccountFacts(ctx)
  const creditsRead = Number(await readCredits(ctx))
  return { kind: 'done', counts: { accountsSent, creditsUnread: 1 - creditsRead } }
}
