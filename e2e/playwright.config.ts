import { defineConfig } from '@playwright/test'
import { findOrInstallChromium } from './chromium'

/**
 * A world for each worker (world.ts): within it, journeys share faults and the ledger, and take
 * turns. A file stays with one worker.
 */
export default defineConfig({
  testDir: '.',
  testMatch: '*.spec.ts',
  outputDir: '../test-results',
  globalSetup: './global-setup.ts',
  workers: 2,
  retries: 0,
  forbidOnly: Boolean(process.env.CI),
  timeout: 45_000,
  expect: { timeout: 10_000 },
  reporter: 'list',
  use: {
    actionTimeout: 10_000,
    locale: 'en-GB',
    timezoneId: 'Europe/Berlin',
    contextOptions: { reducedMotion: 'reduce' },
    launchOptions: { executablePath: findOrInstallChromium() },
    screenshot: 'only-on-failure',
    trace: 'off',
  },
})
