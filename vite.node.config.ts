import { defineConfig } from 'vite'
import tsconfigPaths from 'vite-tsconfig-paths'

/**
 * The processes of a deployment, bundled for plain Node: no tsx and no TypeScript in production.
 */
export default defineConfig({
  plugins: [tsconfigPaths()],
  build: {
    ssr: true,
    outDir: 'build/node',
    target: 'node22',
    rollupOptions: {
      input: {
        server: 'app/server.ts',
        worker: 'jobs/worker.ts',
        migrate: 'app/cli/migrate.ts',
        'workshops-check': 'app/cli/workshops-check.ts',
        'workshops-plan': 'app/cli/workshops-plan.ts',
        reconcile: 'app/cli/reconcile.ts',
        'audit-verify': 'app/cli/audit-verify.ts',
        doctor: 'app/cli/doctor.ts',
        'installation-renew': 'app/cli/installation-renew.ts',
        backup: 'app/cli/backup.ts',
        restore: 'app/cli/restore.ts',
        'roster-hash': 'app/cli/roster-hash.ts',
        'vault-rotate': 'app/cli/vault-rotate.ts',
      },
    },
  },
})
