import tsconfigPaths from 'vite-tsconfig-paths'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  plugins: [tsconfigPaths()],
  test: { include: ['e2e/{image,operator}/**/*.test.ts'], maxWorkers: 1, reporters: ['default'] },
})
