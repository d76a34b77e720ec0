/**
 * Values that no page of ours sends, as they travel in an address or a form, and the places where a
 * route takes one: path parameters by its pattern, fields and query parameters by the names that its
 * source reads or shows.
 */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'

/** What a page must never hold unescaped. */
export const echoes = ['<img src=x onerror=odd1>', '"><b id=odd2>', "'odd3'onfocus='"] as const

const long = (text: string, bytes: number) => text.repeat(Math.ceil(bytes / text.length))

/** By name, percent-encoded as sent. */
export const oddValues: Record<string, string> = {
  empty: '',
  space: '%20',
  spaces: '%E2%80%83%C2%A0%09',
  'zero byte': '%00',
  'zero byte inside': 'a%00b',
  'a bare percent': '%',
  'half an escape': '%E2%8',
  'not hex': '%zz',
  'a lone surrogate': '%ED%A0%80',
  'two lone surrogates': '%ED%B0%80%ED%A0%80',
  'overlong slash': '%C0%AF',
  'a byte of Latin-1': '%FC',
  'a direction override': '%E2%80%AE05.01',
  'invisible characters': '%E2%80%8B%E2%81%A0%EF%BB%BF',
  'a flag cut in half': '%F0%9F%87%A9',
  'a family': '%F0%9F%91%A8%E2%80%8D%F0%9F%91%A9%E2%80%8D%F0%9F%91%A7',
  'line breaks': 'a%0D%0AX-Odd:%201',
  'the end of a line': '%0A',
  'a long text': long('x', 60_000),
  'a long text of wide characters': long('%F0%9F%98%80', 48_000),
  SQL: encodeURIComponent("'; drop table keymint.keys; --"),
  'SQL or': encodeURIComponent("1' or '1'='1"),
  'a like pattern': encodeURIComponent('%_\\'),
  'an image': encodeURIComponent(echoes[0]),
  'a bold word': encodeURIComponent(echoes[1]),
  'an attribute': encodeURIComponent(echoes[2]),
  'the end of a script': encodeURIComponent(`</script>${echoes[0]}`),
  'a template': encodeURIComponent('${7*7}{{7*7}}'),
  'a prototype': '__proto__',
  'a constructor': 'constructor',
  'dots and slashes': '..%2F..%2Fetc%2Fpasswd',
  backslashes: '%5C%5Cevil.example%5Cx',
  'another host': encodeURIComponent('//evil.example/x'),
  'a script address': encodeURIComponent('javascript:alert(1)'),
  'a huge number': '99999999999999999999999999999999999999',
  'an exponent': '1e400',
  negative: '-1',
  'not a number': 'NaN',
  infinity: '-Infinity',
  'a decimal comma': '2,50',
  'a hexadecimal': '0x7fffffff',
  'beyond an integer': '9223372036854775808',
  'a date out of range': '+275760-09-14T00:00:00.000Z',
  'a year with five digits': '99999-12-31',
  'no such day': '2026-02-31T25:61:61Z',
  'a uuid of nobody': '00000000-0000-4000-8000-00000000dead',
  'almost a uuid': '00000000-0000-4000-8000-00000000zzzz',
  JSON: encodeURIComponent('{"$ne": null}'),
  true: 'true',
}

type ManifestRoute = {
  id: string
  path?: string
  parentId?: string
  index?: boolean
  module: object
}
export type Manifest = { routes: Record<string, ManifestRoute | undefined> }

export type Place = {
  id: string
  /** "/t/:team/keys/:key", with the index's own mark for forms. */
  pattern: string
  index: boolean
  params: string[]
  reads: boolean
  acts: boolean
  /** Names of fields and query parameters. */
  names: string[]
  /** Words that a form of it calls its intents. */
  intents: string[]
}

/** Every route of a build that has an address, with the names that its source knows. */
export function placesOf({ routes }: Manifest): Place[] {
  return Object.values(routes).flatMap((route): Place[] => {
    if (!route || route.id === 'root') return []
    const own: string[] = []
    for (
      let at: ManifestRoute | undefined = route;
      at;
      at = at.parentId === undefined ? undefined : routes[at.parentId]
    )
      if (at.path) own.unshift(at.path)
    const pattern = `/${own.join('/')}`
    const source = sourceOf(route.id)
    return [
      {
        id: route.id,
        pattern,
        index: route.index === true,
        params: [...pattern.matchAll(/:(\w+)|\*/g)].map(([all, name]) => name ?? all),
        reads: 'loader' in route.module || 'default' in route.module,
        acts: 'action' in route.module,
        names: namesIn(source, [
          /\bname="(\w+)"/g,
          /\.(?:get|getAll|has)\('([a-z]\w*)'\)/g,
          /^\s{2,4}(\w+): (?:z\.|uuid|many\(|optionalText|requiredText|usdAmount)/gm,
          /[{,]\s*(\w+): (?:z\.|uuid|many\(|optionalText|requiredText|usdAmount)/g,
        ]),
        intents: namesIn(source, [
          /name="(?:intent|action)"\s+value="([\w-]+)"/g,
          /intent === '([\w-]+)'/g,
          /case '([\w-]+)':/g,
          /intent: z\.literal\('([\w-]+)'\)/g,
        ]),
      },
    ]
  })
}

function namesIn(source: string, patterns: RegExp[]): string[] {
  const found = patterns.flatMap((pattern) =>
    [...source.matchAll(pattern)].flatMap(([, word]) => word ?? []),
  )
  return [...new Set(found)].sort()
}

/** The route's own file and what it imports of pages and forms, two steps deep. */
function sourceOf(id: string): string {
  const seen = new Map<string, string>()
  const read = (file: string, depth: number) => {
    const found = ['.tsx', '.ts', ''].map((ending) => `${file}${ending}`).find(existsSync)
    if (!found || seen.has(found)) return
    const text = readFileSync(found, 'utf8')
    seen.set(found, text)
    if (depth === 0) return
    for (const [, from = ''] of text.matchAll(/from '(~\/(?:components|web)\/[^']+|\.[^']+)'/g)) {
      const target = from.startsWith('~/')
        ? path.join('app', from.slice(2))
        : path.join(path.dirname(found), from)
      if (!target.includes('components/base')) read(target, depth - 1)
    }
  }
  read(path.join('app', id), 2)
  return [...seen.values()].join('\n')
}

/** The address with each parameter in place. */
export const fill = (pattern: string, values: Record<string, string>): string =>
  pattern.replace(/:(\w+)\??|\*/g, (all, name: string | undefined) => values[name ?? all] ?? 'x')
