/** One run for one mutant: the database server and its template are given, and nothing is typed twice. */
import path from 'node:path'
import tsconfigPaths from 'vite-tsconfig-paths'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const root = path.resolve(import.meta.dirname, '../..')
const nearestFirst = (process.env.MUTATE_TESTS ?? '').split(',')

/** The nearest test first: most mutants need no other. */
class NearestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]) {
    const place = ({ moduleId }: TestSpecification) =>
      nearestFirst.indexOf(path.relative(root, moduleId))
    return files.toSorted((one, other) => place(one) - place(other))
  }
}

export default defineConfig({
  root,
  plugins: [tsconfigPaths({ root })],
  test: {
    include: ['{app,jobs,simulators,prisma,bench,tests}/**/*.test.ts'],
    globalSetup: ['bench/mutate/given-postgres.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 1,
    isolate: false,
    bail: 1,
    sequence: { sequencer: NearestFirst },
    experimental: { fsModuleCache: true },
  },
})
