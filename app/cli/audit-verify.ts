/**
 * `npm run audit:verify [-- --json] [-- --expect <hash>] [-- --since <hash>]`: is the audit trail
 * what was written? Needs DATABASE_URL alone.
 */
import { parseArgs } from 'node:util'
import { createDb } from '../adapters/db.server'
import { verifyChain, type ChainReport } from '../domain/audit/chain.server'

const usage =
  'Use: npm run audit:verify [-- --json] [-- --expect <hash of a head noted earlier>] [-- --since <hash to begin after>]'
// 1 is kept for a trail that is not whole: whoever runs this on a schedule must be able to tell.
const couldNotCheck = 2

const options = read()
const url = process.env.DIRECT_DATABASE_URL || process.env.DATABASE_URL
if (!url) stop('DATABASE_URL is missing: postgresql://user:password@host:5432/database')
const db = createDb(url, { max: 1, applicationName: 'keymint-audit-verify' })
try {
  const report = await verifyChain(db, options)
  await db.$disconnect()
  process.stdout.write(
    options.json ? `${JSON.stringify(report)}\n` : `${wordsOf(report).join('\n')}\n`,
  )
  process.exitCode = report.whole ? 0 : 1
} catch (error) {
  stop(
    `The audit trail could not be checked: ${error instanceof Error ? error.message : String(error)}`,
  )
}

function read() {
  try {
    const { values } = parseArgs({
      options: { json: { type: 'boolean' }, expect: { type: 'string' }, since: { type: 'string' } },
    })
    for (const hash of [values.expect, values.since])
      if (hash !== undefined && !/^[0-9a-f]{64}$/.test(hash))
        throw new Error('A head is 64 characters of 0-9 and a-f.')
    return values
  } catch (error) {
    return stop(`${error instanceof Error ? error.message : String(error)}\n${usage}`)
  }
}

function wordsOf({ events, head, waiting, broken, expectedFound }: ChainReport): string[] {
  const later =
    waiting === 0
      ? []
      : [
          `${waiting} ${waiting === 1 ? 'event is' : 'events are'} not chained yet; the worker does that every 15 seconds.`,
        ]
  if (broken)
    return [
      'THE CHAIN IS BROKEN.',
      broken.sentence,
      `The ${events} before it are as they were written.`,
      ...later,
    ]
  if (expectedFound === false)
    return [
      'THE CHAIN DOES NOT HOLD THE HEAD YOU NAMED.',
      'Events were cut off at the end, or the whole chain was written anew, since that head was noted.',
      ...later,
    ]
  if (!head) return ['No event is chained yet.', ...later]
  return [
    `${events} events, chain whole, head ${head.hash}`,
    ...(expectedFound
      ? ['The head you named is in it.']
      : [
          'Note the head outside of this database: only with it can a later run find out that the end was cut off (--expect).',
        ]),
    ...later,
  ]
}

function stop(words: string): never {
  process.stderr.write(`${words}\n`)
  process.exit(couldNotCheck)
}
