/** A laptop with a home folder of its own, on which tools are set up against the real routes. */
import { lstat, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect } from 'vitest'
import { approveSetup } from '~/domain/claim/setup.server'
import type { SetupTool } from '~/domain/claim/setup-tools'
import { readyClaims } from './claims'
import { serveSetup } from './setup-server'
import { runScript } from './terminal'
import { makeWorkshop, openWorld, type World } from './world'

export const models = ['anthropic/claude-sonnet-4.6', 'openai/gpt-5-nano']

export async function openSetup() {
  const world = await openWorld({ workshops: [makeWorkshop({ allowedModels: models })] })
  const { origin, answers } = await serveSetup(world)
  const script = await (await fetch(`${origin}/setup.mjs`)).text()
  const home = await mkdtemp(path.join(tmpdir(), 'keymint-setup-'))
  world.onClose(() => rm(home, { recursive: true, force: true }))
  const [claim] = await readyClaims(world, 1)
  const owner = { claimId: claim!.claimId, userId: claim!.userId }
  return { world, origin, answers, script, home, owner }
}

export type Open = Awaited<ReturnType<typeof openSetup>>

/** From the line to the written file; what the terminal has said, and the key. */
export async function setUp({ world, script, home, owner }: Open, tool: SetupTool) {
  const terminal = runScript(script, [tool], home)
  await approve(world, owner, await terminal.code())
  expect([await terminal.ended, terminal.output()]).toEqual([0, expect.any(String)])
  return { output: terminal.output(), key: await keyOf(world) }
}

export const approve = async (world: World, owner: Open['owner'], code: string) =>
  expect(await approveSetup(world.ctx, { code, ...owner })).toEqual({ kind: 'approved' })

export async function keyOf(world: World): Promise<string> {
  const { keys } = await world.call<{ keys: { key: string }[] }>('/__sim/keys?plaintext=1')
  return keys[0]!.key
}

export async function undo({ script, home }: Open, tool: SetupTool): Promise<string> {
  const terminal = runScript(script, [tool, '--undo'], home)
  expect([await terminal.ended, terminal.output()]).toEqual([0, expect.any(String)])
  return terminal.output()
}

/** Every file below a folder, with its mode and its bytes. */
export async function treeOf(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true })
  const lines = names.map(async (entry) => {
    const file = path.join(entry.parentPath, entry.name)
    const mode = ((await lstat(file)).mode & 0o777).toString(8)
    return `${path.relative(folder, file)} ${mode} ${entry.isFile() ? (await readFile(file)).toString('base64') : ''}`
  })
  return (await Promise.all(lines)).sort()
}
