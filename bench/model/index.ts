/**
 * `npm run model`: every state of the key protocol within the bounds. `--break <rule>` breaks one
 * rule and shows how it is found; `--delayed 2` lets two calls be delayed; `--all` breaks each in
 * turn; `--short` takes the bounds of the test suite.
 */
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads'
import { parseArgs } from 'node:util'
import { bounds, breakSearch, shortSearch } from './runs'
import { breakable, rulesWith, type Rule } from './rules'
import { search, type Found } from './search'

if (isMainThread) process.exit(await main())
else parentPort?.postMessage(search({ ...full(workerData as boolean), rules: rulesWith(null) }))

function full(daily: boolean) {
  return {
    daily,
    bounds: bounds.full,
    maxStates: 90_000_000,
    maxSeconds: Number(process.env.MODEL_SECONDS ?? 540),
    restEvery: 997,
  }
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      break: { type: 'string' },
      delayed: { type: 'string' },
      all: { type: 'boolean' },
      short: { type: 'boolean' },
    },
  })
  if (values.break !== undefined) {
    if (!Object.keys(breakable).includes(values.break)) {
      print(`There is no rule "${values.break}". Rules:\n`)
      for (const [rule, says] of Object.entries(breakable)) print(`  ${rule.padEnd(20)}${says}\n`)
      return 2
    }
    return tellBroken(values.break as Rule) ? 0 : 1
  }
  if (values.delayed === '2') return tellTwoDelayed() ? 0 : 1
  if (values.all) {
    const told = (Object.keys(breakable) as Rule[]).map(tellBroken)
    return [...told, tellTwoDelayed()].every(Boolean) ? 0 : 1
  }
  const found = await Promise.all(
    [false, true].map(async (daily) => (values.short ? shortSearch(daily) : inWorker(daily))),
  )
  for (const [index, each] of found.entries())
    tell(`no rule broken, ${index === 0 ? 'a cap without a reset' : 'a daily cap'}`, each)
  const stated = values.short ? [bounds.shortStaff, bounds.short] : bounds.full
  print(`bounds: one holder, limits 0 to 2, pool 3, two windows, ${JSON.stringify(stated)}\n`)
  print(`memory: ${Math.round(process.resourceUsage().maxRSS / 1024)} MB at most, both together\n`)
  return found.some(({ violation }) => violation) ? 1 : 0
}

function tellBroken(rule: Rule): boolean {
  const found = breakSearch(rule)
  tell(`broken: ${rule} (${breakable[rule]})`, found)
  return found.violation !== null
}

/** What the ten-minute rule cannot exclude: two calls that both land after it. */
function tellTwoDelayed(): boolean {
  const found = breakSearch(null)
  tell('two delayed calls, no rule broken', found)
  return found.violation !== null
}

function tell(what: string, found: Found): void {
  print(
    `${what}\n  ${found.states} states, depth ${found.depth}, ${found.transitions} steps, ` +
      `${found.rested} run to rest, ` +
      `${found.violation ? 1 : 0} violations, ${found.seconds.toFixed(1)} s` +
      `${found.whole || found.violation ? '' : ' (stopped at its limit: not every state was seen)'}\n`,
  )
  if (!found.violation) return
  print(`  ${found.violation.what}, after ${found.violation.trace.length} steps:\n`)
  for (const step of found.violation.trace) print(`    ${step}\n`)
}

/** A declaration: `main` runs before anything below it is a value. */
function inWorker(daily: boolean): Promise<Found> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), {
      workerData: daily,
      execArgv: process.execArgv,
    })
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}

function print(text: string): void {
  process.stdout.write(text)
}
