/**
 * What is known about other processes: enough to tell a living server or owner from the leftovers
 * of a dead one.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, readlinkSync, realpathSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !isZombie(pid)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Changes when a process id is given to another process. Empty where the system does not say. */
export function birthOf(pid: number): string {
  if (existsSync('/proc/self/stat')) return procStat(pid)?.[19] ?? ''
  if (process.platform === 'win32') return ''
  return (
    spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).stdout?.trim() ?? ''
  )
}

/**
 * Whether that process is a PostgreSQL that works in this cluster (a server changes into its data
 * folder).
 */
export function worksIn(pid: number, cluster: string): boolean {
  if (!isAlive(pid)) return false
  if (process.platform === 'win32') return true
  if (!existsSync('/proc/self/stat')) {
    const { stdout } = spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' })
    return (stdout ?? '').includes('postgres') && (stdout ?? '').includes(cluster)
  }
  try {
    return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(cluster)
  } catch {
    return false
  }
}

/**
 * Processes that work in this cluster, backends that outlived their postmaster included. Linux
 * only; empty elsewhere.
 */
export function processesIn(cluster: string): number[] {
  if (!existsSync('/proc/self/stat')) return []
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && worksIn(pid, cluster))
}

export async function waitFor(condition: () => boolean, milliseconds: number): Promise<boolean> {
  const end = Date.now() + milliseconds
  while (!condition()) {
    if (Date.now() > end) return false
    await sleep(20)
  }
  return true
}

function isZombie(pid: number): boolean {
  return procStat(pid)?.[0] === 'Z'
}

// The fields after the program's name, which may itself hold spaces and brackets: state first,
// start time 20th.
function procStat(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}
