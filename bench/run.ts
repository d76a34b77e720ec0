/** `npm run bench [-- <name>]`: runs bench/<name>.ts, the burst of claims where none is named. */
import { readdirSync } from 'node:fs'

const names = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.ts') && !['run.ts', 'proofs.ts'].includes(file)).map((file) => file.slice(0, -3))
const [name = 'burst'] = process.argv.slice(2)
if (!names.includes(name)) {
  process.stderr.write(`There is no bench ${name}. There are: ${names.join(', ')}\n`)
  process.exit(2)
}
await import(`./${name}.ts`)
