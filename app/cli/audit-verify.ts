/**
 * `npm run audit:verify [-- --json] [-- --expect <hash>] [-- --since <hash>]`: has the audit trail
 * been changed? Needs DATABASE_URL alone.
 */
import { parseArgs } from 'node:util'
import { createDb } from '../adapters/db.server'
import { verifyChain, type ChainReport } from '../domain/audit/chain.server'
import { brokenLinkMessage } from '../messages/audit'

const usage =
  'Use: npm run audit:verify [-- --json] [-- --expect <hash of an earlier head>] [-- --since <hash to begin after>]'
// A scheduled run must be able to tell "could not check" from 1, a trail that is not whole.
const couldNotCheck = 2

const options = read()
const url = process.env.DIRECT_DATABASE_URL || process.env.DATABASE_URL
if (!url) stop('DATABASE_URL is missing: postgresql://user:password@host:5432/database')
const db = createDb(url, { max: 1, applicationName: 'keymint-audit-verify' })
try {
  const report = await verifyChain(db, options)
  await db.$disconnect()
  process.stdout.write(
    options.json ? `${JSON.stringify(report)}\n` : `${textOf(report).join('\n')}\n`,
  )
  process.exitCode = report.whole ? 0 : 1
} catch (error) {
  stop(`Cannot check the audit trail: ${error instanceof Error ? error.message : String(error)}`)
}

function read() {
  try {
    const { values } = parseArgs({
      options: { json: { type: 'boolean' }, expect: { type: 'string' }, since: { type: 'string' } },
    })
    for (const hash of [values.expect, values.since])
      if (hash !== undefined && !/^[0-9a-f]{64}$/.test(hash))
        throw new Error('A head has 64 characters, 0-9 and a-f.')
    return values
  } catch (error) {
    return stop(`${error instanceof Error ? error.message : String(error)}\n${usage}`)
  }
}

function textOf({ events, head, waiting, broken, expectedFound }: ChainReport): string[] {
  const later =
    waiting === 0
      ? []
      : [
          `${waiting} ${waiting === 1 ? 'event is' : 'events are'} not chained yet; ` +
            'a worker chains events every 15 seconds.',
        ]
  if (broken)
    return [
      'THE CHAIN IS BROKEN.',
      brokenLinkMessage(broken),
      `The ${events} events before it are unchanged.`,
      ...later,
    ]
  if (expectedFound === false)
    return [
      'THE CHAIN DOES NOT HOLD THE HEAD YOU NAMED.',
      'Since that head was noted, events were cut off at the end or the whole chain was rewritten.',
      ...later,
    ]
  if (!head) return ['No event is chained yet.', ...later]
  return [
    `${events} events, chain whole, head ${head.hash}`,
    ...(expectedFound
      ? ['The head you named is in it.']
      : [
          'Copy the head to a place outside this database: only with it can a later run detect ' +
            'that the end was cut off (--expect).',
        ]),
    ...later,
  ]
}

function stop(message: string): never {
  process.stderr.write(`${message}\n`)
  process.exit(couldNotCheck)
}
