import path from 'node:path'
import { defineConfig } from 'prisma/config'

// Prisma's own engine as WebAssembly, from npm, in place of the native one that it would download
// (decision 004).
process.env.PRISMA_SCHEMA_ENGINE_BINARY ??= path.resolve('prisma/schema-engine.mjs')

export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
  datasource: { url: process.env.DATABASE_URL ?? 'postgresql://placeholder/db' },
})
