/**
 * What a phone loads of the two pages that a whole workshop opens at once: scripts, styles and font
 * of the build, compressed as the server does. Needs `npm run build`.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { brotliCompressSync, constants } from 'node:zlib'
import { expect, test } from 'vitest'

const assets = path.resolve('build/web/client/assets')
/** Two documents and the answers of the server around them. */
const documentBytes = 20_000

const compressed = (file: string) =>
  brotliCompressSync(readFileSync(path.join(assets, file)), {
    params: { [constants.BROTLI_PARAM_QUALITY]: 5 },
  }).length

const fileOf = (start: string) => {
  const [file] = readdirSync(assets).filter((name) => name.startsWith(`${start}-`))
  if (file === undefined) throw new Error(`the build has no ${start}`)
  return file
}

/** A script with all that it imports before it runs. */
function withImports(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen
  seen.add(file)
  const text = readFileSync(path.join(assets, file), 'utf8')
  for (const [, imported] of text.matchAll(/(?:from|import)\s*"\.\/([^"]+\.js)"/g))
    withImports(imported ?? '', seen)
  return seen
}

test.runIf(existsSync(assets))(
  'the workshop page and the waiting claim page load at most 90 kB of scripts and 150 kB in all',
  () => {
    const scripts = new Set(
      ['entry.client', 'workshop-entry', 'claim-entry'].flatMap((name) => [
        ...withImports(fileOf(name)),
      ]),
    )
    expect([...scripts].some((file) => file.startsWith('router-entry'))).toBe(false)
    const scriptBytes = [...scripts].reduce((sum, file) => sum + compressed(file), 0)
    const styles = compressed(fileOf('app'))
    const font = readFileSync(path.join(assets, fileOf('bricolage-grotesque-latin-wght-normal')))
    const all = scriptBytes + styles + font.length + documentBytes
    console.log(`${scriptBytes} bytes of ${scripts.size} scripts, ${all} bytes in all`)
    expect(scriptBytes).toBeLessThan(90_000)
    expect(all).toBeLessThan(150_000)
  },
)
