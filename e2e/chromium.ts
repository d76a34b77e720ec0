/**
 * Finds a Chromium for the journeys, installs one where that is possible, and never skips in
 * silence.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { chromium } from '@playwright/test'

const instructions = [
  'The journeys need a Chromium, and none was found or could be installed.',
  'Install one (Debian: apt-get install chromium; elsewhere: npx playwright install chromium),',
  'or set CHROMIUM_PATH to the program of one you have.',
].join('\n')

/**
 * The program of a Chromium that is here already, or null. Throws a sentence when CHROMIUM_PATH
 * names nothing.
 */
function findInstalledChromium(): string | null {
  const given = process.env.CHROMIUM_PATH
  if (given) {
    if (existsSync(given)) return given
    throw new Error(`CHROMIUM_PATH is ${given}, and there is no such file.`)
  }
  return (
    [chromium.executablePath(), ...usualPlaces()].find(
      (place) => place !== '' && existsSync(place),
    ) ?? null
  )
}

/**
 * As above, and installs one if there is none. Throws instructions for people when that fails too.
 */
export function findOrInstallChromium(): string {
  const found = findInstalledChromium()
  if (found) return found
  process.stdout.write('No Chromium here yet: trying to install one.\n')
  run(process.execPath, [
    path.resolve('node_modules/@playwright/test/cli.js'),
    'install',
    'chromium',
  ])
  let installed = findInstalledChromium()
  if (!installed && process.platform === 'linux' && process.getuid?.() === 0) {
    if (run('apt-get', ['update']))
      run('apt-get', ['install', '-y', '--no-install-recommends', 'chromium'])
    installed = findInstalledChromium()
  }
  if (!installed) throw new Error(instructions)
  return installed
}

function usualPlaces(): string[] {
  const home = process.env.HOME ?? ''
  const local = process.env.LOCALAPPDATA ?? ''
  if (process.platform === 'darwin') {
    return ['/Applications', path.join(home, 'Applications')].flatMap((folder) =>
      ['Chromium', 'Google Chrome', 'Microsoft Edge'].map((name) =>
        path.join(folder, `${name}.app/Contents/MacOS/${name}`),
      ),
    )
  }
  if (process.platform === 'win32') {
    return [process.env.PROGRAMFILES ?? '', process.env['PROGRAMFILES(X86)'] ?? '', local]
      .filter(Boolean)
      .flatMap((folder) => [
        path.join(folder, 'Google/Chrome/Application/chrome.exe'),
        path.join(folder, 'Microsoft/Edge/Application/msedge.exe'),
        path.join(folder, 'Chromium/Application/chrome.exe'),
      ])
  }
  return [
    '/usr/bin/chromium',
    '/usr/bin/chromium-browser',
    '/usr/bin/google-chrome',
    '/usr/bin/google-chrome-stable',
    '/opt/google/chrome/chrome',
    '/snap/bin/chromium',
  ]
}

function run(program: string, args: string[]): boolean {
  return (
    spawnSync(program, args, {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      timeout: 300_000,
    }).status === 0
  )
}
