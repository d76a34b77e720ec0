/** One run for one mutant: the database server and its template are given, and nothing is typed twice. */
import path from 'node:path'
import tsconfigPaths from 'vite-tsconfig-paths'
import { defineConfig } from 'vitest/config'

const root = path.resolve(import.meta.dirname, '../..')

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
    experimental: { fsModuleCache: true },
  },
})
