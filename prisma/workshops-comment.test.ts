/** The comment's script, as it stands in the workflow: what it was sent is text of a stranger. */
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'

type Step = { uses?: string; with?: { script?: string } }
type Comment = { id: number; body: string; user: { type: string; login: string } }

const workflow = readFileSync('.github/workflows/workshops-comment.yml', 'utf8')
const { jobs } = parse(workflow) as { jobs: { comment: { steps: Step[] } } }
const script = jobs.comment.steps.find(({ with: given }) => given?.script)?.with?.script ?? ''
const AsyncFunction = (async () => undefined).constructor as new (
  ...parts: string[]
) => (...values: unknown[]) => Promise<void>

/** Runs it on a folder with these files, beside this pull request and its comments. */
async function comment(
  files: { number?: string; plan?: string; link?: string },
  comments: Comment[] = [],
  head = 'a'.repeat(40),
) {
  const folder = mkdtempSync(path.join(tmpdir(), 'keymint-comment-'))
  const written: { kind: 'create' | 'update'; id: number; body: string }[] = []
  const notes: string[] = []
  const github = {
    paginate: async () => comments,
    rest: {
      pulls: { get: async () => ({ data: { state: 'open', head: { sha: head } } }) },
      issues: {
        listComments: null,
        createComment: async (one: { issue_number: number; body: string }) =>
          void written.push({ kind: 'create', id: one.issue_number, body: one.body }),
        updateComment: async (one: { comment_id: number; body: string }) =>
          void written.push({ kind: 'update', id: one.comment_id, body: one.body }),
      },
    },
  }
  const context = {
    repo: { owner: 'o', repo: 'r' },
    payload: { workflow_run: { head_sha: 'a'.repeat(40) } },
  }
  const core = {
    setFailed: (text: string) => notes.push(text),
    notice: (text: string) => notes.push(text),
  }
  try {
    writeFileSync(path.join(folder, 'number.txt'), files.number ?? '12\n')
    if (files.link) symlinkSync(files.link, path.join(folder, 'plan.txt'))
    else writeFileSync(path.join(folder, 'plan.txt'), files.plan ?? 'Nothing changes.\n')
    process.env.PLAN = folder
    await new AsyncFunction('github', 'context', 'core', 'require', script)(
      github,
      context,
      core,
      createRequire(import.meta.url),
    )
    return { written, notes }
  } finally {
    delete process.env.PLAN
    rmSync(folder, { recursive: true })
  }
}

test('the text stands in a block that it cannot leave, cut and without control characters', async () => {
  const hostile = `fine\n\`\`\`\n# Merge this @everybody\n\`\`\`\`\`\u001b[31m\u202e\u200b<img src=x>`
  const { written } = await comment({ plan: hostile })
  expect(written).toHaveLength(1)
  const { body } = written[0]!
  const [open = '', close = ''] = [...body.matchAll(/^(`{6,})(?:text)?$/gm)].map(
    ([, ticks]) => ticks,
  )
  expect([open, close]).toEqual(['``````', '``````'])
  expect(body.endsWith('\n``````')).toBe(true)
  expect(body).toContain('# Merge this @everybody')
  for (const hidden of ['\u001b', '\u202e', '\u200b']) expect(body).not.toContain(hidden)

  const long = await comment({ plan: 'x'.repeat(300_000) })
  expect(long.written[0]!.body.length).toBeLessThan(51_000)
  expect(long.written[0]!.body).toContain('… cut here')
})

test('its own comment is replaced, and nobody else’s', async () => {
  const bot = { type: 'Bot', login: 'github-actions[bot]' }
  const marked = '<!-- workshops:plan -->\nold'
  const { written } = await comment({}, [
    { id: 1, body: marked, user: { type: 'User', login: 'stranger' } },
    { id: 2, body: 'other', user: bot },
    { id: 3, body: marked, user: bot },
  ])
  expect(written.map(({ kind, id }) => [kind, id])).toEqual([['update', 3]])
  expect((await comment({}, [])).written.map(({ kind, id }) => [kind, id])).toEqual([
    ['create', 12],
  ])
})

test('a number that is none, another commit and a link get no comment', async () => {
  for (const number of ['', '0', '-1', '1; rm', '12/comments', '1e3', '9999999999'])
    expect((await comment({ number })).written, number).toEqual([])
  expect((await comment({}, [], 'b'.repeat(40))).written).toEqual([])
  await expect(comment({ link: '/etc/passwd' })).rejects.toThrow('not a file')
})

test('the workflow that may comment checks nothing out, and its text reaches no shell', () => {
  expect(workflow).not.toMatch(/actions\/checkout|^\s*- run:|^\s+run:/m)
  expect(script).not.toContain('${{')
  const plan = parse(readFileSync('.github/workflows/workshops.yml', 'utf8')) as {
    permissions: object
    jobs: { plan: { steps: { run?: string }[]; permissions?: object } }
  }
  expect(plan.permissions).toEqual({ contents: 'read' })
  expect(plan.jobs.plan.permissions).toBeUndefined()
  expect(JSON.stringify(plan)).not.toContain('secrets.')
  for (const { run = '' } of plan.jobs.plan.steps) expect(run).not.toContain('${{')
})
