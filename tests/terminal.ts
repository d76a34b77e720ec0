/** A terminal in which somebody runs the setup in one line. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'

export type Terminal = {
  /** What it has printed so far. */
  output: () => string
  code: () => Promise<string>
  ended: Promise<number | null>
  stop: () => void
}

/** Runs `curl … | node - …` in this home folder: the script comes by standard input. */
export function runScript(
  script: string,
  given: string[],
  home: string,
  env: Record<string, string> = {},
): Terminal {
  const child = spawn(process.execPath, ['-', ...given], {
    cwd: home,
    env: {
      ...(process.env.PATH === undefined ? {} : { PATH: process.env.PATH }),
      NODE_ENV: 'test',
      HOME: home,
      USERPROFILE: home,
      ...env,
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let printed = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (printed += chunk.toString()))
  child.stdin.end(script)
  const ended = once(child, 'close').then(([status]) => status as number | null)
  return {
    output: () => printed,
    ended,
    stop: () => void child.kill('SIGKILL'),
    async code() {
      for (;;) {
        const code = /this code:\s+([A-Z2-9]{4}-[A-Z2-9]{4})/.exec(printed)?.[1]
        if (code) return code
        const status = await Promise.race([ended, once(child.stdout, 'data').then(() => 'more')])
        if (status !== 'more') throw new Error(`it ended without a code: ${printed}`)
      }
    },
  }
}
