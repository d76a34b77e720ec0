/**
 * The tests nearest to a file: those of its own name, then those that import it, then the rest that
 * reach it; of these the ones of its own room first. Below, what the graph cannot know: the tests
 * that hold what a file guarantees, although they stand further away.
 */
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'

const maxTests = 4

const keys = (...names: string[]) => names.map((name) => `app/domain/keys/${name}.test.ts`)
const money = (...names: string[]) => names.map((name) => `app/domain/money/${name}.test.ts`)
const claim = (...names: string[]) => names.map((name) => `app/domain/claim/${name}.test.ts`)

const held: Record<string, string[]> = {
  'app/domain/keys/accounts.server.ts': ['vault', 'rotate'].map(
    (name) => `app/domain/vault/${name}.test.ts`,
  ),
  'app/domain/keys/apply.server.ts': keys(
    'between-steps',
    'loop',
    'cases-claims',
    'cases-provider',
    'service-keys',
  ),
  'app/domain/keys/decide-apply.ts': keys('loop', 'cases-claims', 'cases-provider'),
  'app/domain/keys/decide-settle.ts': keys('cases-claims', 'usage', 'faults'),
  'app/domain/keys/attempts.server.ts': keys(
    'between-steps',
    'mint',
    'reconcile',
    'service-orphans',
  ),
  'app/domain/keys/mint-attempt.server.ts': keys('between-steps', 'mint', 'cases-provider'),
  'app/domain/keys/key-store.server.ts': keys('loop', 'cases-claims', 'cases-provider'),
  'app/domain/keys/mint-policy.ts': keys('gate', 'mint', 'pause'),
  'app/domain/keys/windows.ts': [
    ...keys('between-steps', 'cases-claims', 'cases-team'),
    ...money('ledger-keys'),
  ],
  'app/domain/keys/want.server.ts': keys('loop', 'cases-claims', 'cases-team', 'cap-held-here'),
  'app/domain/keys/wake.server.ts': keys('between-steps', 'faults', 'pause', 'gate'),
  'app/domain/keys/repair.server.ts': keys('drifts', 'cases-provider', 'loop'),
  'app/domain/keys/classify.ts': keys('drifts', 'reconcile'),
  'app/domain/keys/readings.server.ts': keys('usage', 'faults', 'cases-claims'),
  'app/domain/claim/replace-key.server.ts': [...keys('between-steps'), ...claim('next-key')],
  'app/domain/money/pool.server.ts': [
    ...money('committed'),
    ...claim('spares', 'giveaway', 'set-limit'),
  ],
  'app/domain/money/postings.server.ts': money('ledger', 'ledger-keys', 'ledger-walk'),
}

/** Tests that begin processes or take minutes are no answer to one changed line. */
const tooLong =
  /fuzz|reconcile-scale|random-walk|restart|tests\/walk|rehearse|statements|odd-values/

export class Near {
  private readonly importers = new Map<string, string[]>()

  constructor(private readonly root: string) {
    for (const file of globSync('{app,jobs,tests,simulators}/**/*.{ts,tsx}', { cwd: root }))
      for (const imported of this.importsOf(file))
        this.importers.set(imported, [...(this.importers.get(imported) ?? []), file])
  }

  testsOf(file: string): string[] {
    const own = file.replace(/(\.server)?\.tsx?$/, '')
    const named = [`${own}.test.ts`, `${own}.server.test.ts`].filter(
      (test) => globSync(test, { cwd: this.root }).length > 0,
    )
    return [...new Set([...named, ...(held[file] ?? []), ...this.byGraph(file)])]
      .filter((test) => !tooLong.test(test))
      .slice(0, maxTests)
  }

  private byGraph(file: string): string[] {
    const steps = new Map([[file, 0]])
    for (const [each, step] of steps)
      for (const importer of this.importers.get(each) ?? [])
        if (!steps.has(importer)) steps.set(importer, step + 1)
    const far = (test: string) =>
      (steps.get(test) ?? 0) - (path.dirname(test) === path.dirname(file) ? 0.5 : 0)
    return [...steps.keys()]
      .filter((each) => each.endsWith('.test.ts'))
      .toSorted((one, other) => far(one) - far(other) || one.localeCompare(other))
  }

  private importsOf(file: string): string[] {
    const text = readFileSync(path.join(this.root, file), 'utf8')
    return [...text.matchAll(/from '((?:~\/|\.)[^']+)'/g)].flatMap(([, name = '']) => {
      const target = name.startsWith('~/')
        ? path.join('app', name.slice(2))
        : path.join(path.dirname(file), name)
      return [`${target}.ts`, `${target}.tsx`]
    })
  }
}
