import tsconfigPaths from 'vite-tsconfig-paths'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  plugins: [tsconfigPaths()],
  test: {
    include: ['{app,jobs,simulators,prisma,bench,tests}/**/*.test.ts'],
    exclude: ['app/routes/**', 'node_modules/**'],
    globalSetup: ['tests/postgres-server.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    // A worker keeps what its files import: no file may leave anything behind in a module.
    isolate: false,
    reporters: ['default'],
  },
})
