/**
 * `npm run roster:hash -- <slug> < addresses.txt`: hashes addresses, one a line, for the roster of a
 * workshop's file. It prints lines to paste into the file, and reads and writes nothing else. Exits
 * with 1 where a line is not an address.
 */
import { createRosterKeys } from '../adapters/roster-hash.server'
import { rosterReader } from '../domain/people/roster-reader'
import { inspectEnv } from '../env.server'

const usage = 'Use: npm run --silent roster:hash -- <slug of the workshop> < addresses.txt\n'
process.exitCode = await main(process.argv.slice(2))

async function main(args: string[]): Promise<number> {
  const [slug = '', ...more] = args
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(slug) || more.length > 0) return fail(usage, 2)
  const { env, problems } = inspectEnv()
  const wrong = problems.filter((line) =>
    /^(ROSTER_KEY|FINGERPRINT_KEY): |^ENCRYPTION_KEY: (?!is missing)/.test(line),
  )
  if (wrong.length > 0) return fail(`${wrong.join('\n')}\n`, 2)
  const own = env.ROSTER_KEY ?? []
  const others = env.FINGERPRINT_KEY ?? env.ENCRYPTION_KEY ?? []
  if (own.length + others.length === 0)
    return fail('ROSTER_KEY is missing: the deployment has it, and no other key fits.\n', 2)
  const reader = rosterReader(createRosterKeys({ own, others }))
  if (process.stdin.isTTY) process.stderr.write('One address a line, then Ctrl+D.\n')
  const hashes = new Set<string>()
  const bad: number[] = []
  for (const [index, line] of (await readInput()).split(/\r\n|\r|\n/).entries()) {
    const address = line.trim()
    if (address === '' || address.startsWith('#')) continue
    const hash = /[,;<>"\s]/.test(address) ? null : reader.hashOf(slug, address)
    if (hash === null) bad.push(index + 1)
    else hashes.add(hash)
  }
  // No line is quoted: it may hold an address, and this output is pasted into public places.
  if (bad.length > 0)
    return fail(
      `Not an address: line ${bad.slice(0, 20).join(', ')}. Write one address a line, without names.\n`,
      1,
    )
  if (hashes.size === 0) return fail(`There is no address in the input. ${usage}`, 1)
  // In an order of their own: that of the input could tell who is who.
  process.stdout.write(
    `roster:\n${[...hashes]
      .sort()
      .map((hash) => `  - ${hash}\n`)
      .join('')}`,
  )
  return 0
}

async function readInput(): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of process.stdin) parts.push(part as Buffer)
  return Buffer.concat(parts).toString('utf8')
}

function fail(message: string, code: number): number {
  process.stderr.write(message)
  return code
}
