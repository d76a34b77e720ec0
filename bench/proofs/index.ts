/**
 * `npm run proofs`: long runs with crashes and races, and the suite's heavy tests in full.
 * `npm run proofs -- kills image` runs these two. Each count is a line.
 */
import { engineProofs } from './engine'
import { strangerProofs } from './strangers'
import { neighbourProofs } from './neighbours'
import { lineOf } from './proof'
import { protocolProofs } from './protocol'
import { providerProofs } from './provider'
import { testProofs } from './tests'
import { storageServerProofs } from './storage-server'
import { storageToolProofs } from './storage-tools'
import { toolProofs } from './tools'
import { upgradeProofs } from './upgrade'
import { waitlistProofs } from './waitlist'

const proofs = [
  ...engineProofs,
  ...protocolProofs,
  ...providerProofs,
  ...neighbourProofs,
  ...strangerProofs,
  ...testProofs,
  ...storageServerProofs,
  ...storageToolProofs,
  ...toolProofs,
  ...waitlistProofs,
  ...upgradeProofs,
]
const names = [...new Set(proofs.map(({ name }) => name))]
const wanted = process.argv.slice(2)
const unknown = wanted.find((name) => !names.includes(name))
if (unknown !== undefined) {
  process.stderr.write(`There is no proof "${unknown}". There are: ${names.join(', ')}.\n`)
  process.exit(2)
}

let broken = 0
for (const { name, run } of proofs.filter(
  (one) => wanted.length === 0 || wanted.includes(one.name),
)) {
  process.stdout.write(`# ${name}\n`)
  for (const count of await run()) {
    if (count.failed > 0 || count.tried === 0) broken++
    process.stdout.write(`${lineOf(count)}\n`)
  }
}
process.exit(broken === 0 ? 0 : 1)
