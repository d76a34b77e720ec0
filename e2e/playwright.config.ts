import { defineConfig } from '@playwright/test'
import { findOrInstallChromium } from './chromium'

/**
 * One world for all journeys (global-setup.ts), so one worker: they share its faults and its
 * ledger.
 */
export default defineConfig({
  testDir: '.',
  testMatch: '*.spec.ts',
  outputDir: '../test-results',
  globalSetup: './global-setup.ts',
  workers: 1,
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
