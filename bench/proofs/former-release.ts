/**
 * The release before this one, built from the history of the repository: the newest code whose
 * migrations are those of its dump in prisma/releases (docs/upgrading.md).
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, readdirSync, symlinkSync } from 'node:fs'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'

type FormerRelease = { version: string; commit: string; root: string }

const migrations = 'prisma/migrations'
const git = (...args: string[]) =>
  execFileSync('git', args, { encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 }).trim()

/** Throws where the history does not reach so far: a shallow clone cannot be tried. */
function findFormerRelease(): Omit<FormerRelease, 'root'> {
  const { version: own } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
  const former = readdirSync('prisma/releases')
    .map((file) => file.replace(/\.sql\.gz$/, ''))
    .filter((version) => version !== own)
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    .at(-1)
  if (former === undefined) throw new Error(`There is no release before ${own}.`)
  const had = migrationsOf(`prisma/releases/${former}.sql.gz`)
  const newer = readdirSync(migrations).filter((name) => name.startsWith('2') && !had.has(name))
  const paths = newer.map((name) => `${migrations}/${name}/migration.sql`)
  // Without a newer migration, this build has the tables of that one.
  const [first = ''] = git('log', '--reverse', '--diff-filter=A', '--format=%P', '--', ...paths)
    .split('\n')
    .filter(Boolean)
  const commit = newer.length > 0 ? (first.split(' ')[0] ?? '') : 'HEAD'
  const there = commit ? git('ls-tree', '--name-only', commit, `${migrations}/`) : ''
  const names = there.split('\n').flatMap((line) => /\/(\d+_\w+)$/.exec(line)?.[1] ?? [])
  if (names.join() !== [...had].join())
    throw new Error(`The history has no build with the tables of ${former}. Is it a shallow clone?`)
  return { version: former, commit }
}

function migrationsOf(dump: string): Set<string> {
  const [line = ''] = gunzipSync(readFileSync(dump)).toString().split('\n', 1)
  const header = JSON.parse(line.slice(line.indexOf('{'))) as { migrations: { name: string }[] }
  return new Set(header.migrations.map(({ name }) => name))
}

/** Its files in a folder of their own, installed, with its own Prisma client. Nothing is built. */
export function installFormerRelease(folder: string): FormerRelease {
  const former = findFormerRelease()
  const root = path.join(folder, former.version)
  mkdirSync(root)
  run(`git archive ${former.commit} | tar -x -C '${root}'`, process.cwd())
  if (isInstalled(root)) symlinkSync(path.resolve('node_modules'), path.join(root, 'node_modules'))
  else run('npm ci --ignore-scripts --prefer-offline', root)
  run('npm run generate', root)
  return { ...former, root }
}

/** Whether what it asks for is what is installed here, so that nothing has to be fetched. */
function isInstalled(root: string): boolean {
  const here = packagesOf(process.cwd())
  return [...packagesOf(root)].every(([name, version]) => here.get(name) === version)
}

function packagesOf(root: string): Map<string, string | undefined> {
  const { packages } = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version?: string }>
  }
  return new Map(
    Object.entries(packages).flatMap(([name, { version }]) => (name ? [[name, version]] : [])),
  )
}

function run(command: string, cwd: string): void {
  const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', command], {
    cwd,
    encoding: 'utf8',
    env: {
      ...process.env,
      NODE_ENV: undefined,
      // A file that exists: without it, Prisma's command line would try to download an engine.
      PRISMA_SCHEMA_ENGINE_BINARY: path.resolve('prisma/schema-engine.mjs'),
    } as unknown as NodeJS.ProcessEnv,
    maxBuffer: 64 * 1024 * 1024,
  })
  if (status !== 0) throw new Error(`${command} ended with ${status}:\n${stdout}\n${stderr}`)
}
