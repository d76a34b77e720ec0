import { expect, test } from 'vitest'
import { toolIds } from '~/domain/workshop-file'
import { envCommands, envFile, keyPlaceholder, snippets, withKey } from './snippets'

const input = {
  baseUrl: 'https://openrouter.ai/api/v1',
  models: ['anthropic/claude-sonnet-4.6', 'openai/gpt-5-nano'],
}
const find = (id: string, from = input) => snippets(from).find((snippet) => snippet.id === id)!
const textsOf = (id: string) =>
  find(id).blocks.flatMap(({ text, powershell }) => [text, ...(powershell ? [powershell] : [])])
const fileOf = (id: string) => find(id).blocks[0]?.text ?? ''

test('no snippet holds a key; a copy with the key has it wherever it is needed', () => {
  for (const { id } of snippets(input)) {
    const texts = textsOf(id)
    for (const text of texts) expect(text).not.toContain('sk-or-')
    const filled = texts.map((text) => withKey(text, 'sk-or-v1-abc'))
    expect(
      filled.some((text) => text.includes('sk-or-v1-abc')),
      id,
    ).toBe(true)
    for (const text of filled) expect(text).not.toContain(keyPlaceholder)
  }
})

test('every tool has a snippet that says what one sees; the first three can be chosen', () => {
  expect(
    snippets(input)
      .map(({ id }) => id)
      .toSorted(),
  ).toEqual([...toolIds].toSorted())
  for (const { sees } of snippets(input)) expect(sees).toMatch(/\.$/)
  expect(
    snippets({ ...input, tools: ['goose', 'aider', 'curl'] })
      .slice(0, 3)
      .map(({ id }) => id),
  ).toEqual(['goose', 'aider', 'curl'])
})

// An SDK with the address alone would send the person's own OpenAI key there.
test('a .env file that names an address for OpenAI names the key for it, too', () => {
  for (const key of ['sk-or-v1-abc', null]) {
    const names = new Map(
      envFile(key, input.baseUrl)
        .split('\n')
        .filter((line) => /^\w+=/.test(line))
        .map((line) => line.split('=', 2) as [string, string]),
    )
    expect(names.get('OPENAI_BASE_URL')).toBe(input.baseUrl)
    expect(names.get('OPENAI_API_KEY')).toBe(key ?? keyPlaceholder)
    expect(names.get('OPENAI_API_KEY')).toBe(names.get('OPENROUTER_API_KEY'))
  }
  expect(envCommands.text).toContain('--env-file=.env')
})

test('everything that a terminal runs has a PowerShell form without export, \\ or single quotes', () => {
  for (const { id, blocks } of snippets(input))
    for (const { label, powershell = '' } of blocks) {
      if (label !== 'Terminal') continue
      expect(powershell, id).toContain('$env:')
      expect(powershell, id).not.toMatch(/^export |\\$|'/m)
    }
})

// With ANTHROPIC_API_KEY unset, Claude Code uses the person's own account.
test('Claude Code gets the base without /v1, an empty API key and an allowed model for each role', () => {
  const text = fileOf('claude-code')
  expect(text).toContain('export ANTHROPIC_BASE_URL=https://openrouter.ai/api\n')
  expect(text).toContain('export ANTHROPIC_API_KEY=""\n')
  for (const role of ['OPUS', 'SONNET', 'HAIKU', 'FABLE'])
    expect(text).toContain(`export ANTHROPIC_DEFAULT_${role}_MODEL=anthropic/claude-sonnet-4.6\n`)
  expect(text).toContain('export CLAUDE_CODE_SUBAGENT_MODEL=anthropic/claude-sonnet-4.6\n')
  expect(text).toMatch(/\nclaude --model anthropic\/claude-sonnet-4\.6$/)
})

// Without max_tokens, the provider refuses a small limit with 402.
test('requests name the first allowed model and bound their tokens', () => {
  for (const id of ['curl', 'python', 'typescript']) {
    expect(fileOf(id)).toContain('anthropic/claude-sonnet-4.6')
    expect(fileOf(id)).toMatch(/max_tokens"?[:=] ?400/)
  }
})

test('every tool goes to the address of this deployment', () => {
  const elsewhere = { ...input, baseUrl: 'https://eu.example.org/api/v1' }
  for (const { id, blocks } of snippets(elsewhere)) {
    const text = blocks.map((block) => block.text).join('\n')
    expect(text, id).toContain('https://eu.example.org')
    expect(text, id).not.toContain('openrouter.ai/api')
  }
})

test('the body of the curl call and opencode.json are JSON', () => {
  const body = /-d '([^]*)'$/.exec(fileOf('curl'))?.[1] ?? ''
  expect(JSON.parse(body)).toMatchObject({ model: 'anthropic/claude-sonnet-4.6', max_tokens: 400 })
  expect(JSON.parse(fileOf('opencode'))).toMatchObject({
    provider: {
      openrouter: { models: { 'anthropic/claude-sonnet-4.6': {}, 'openai/gpt-5-nano': {} } },
    },
  })
})

// Codex refuses its whole file for any other value.
test('Codex speaks the responses API', () => {
  expect(fileOf('codex')).toContain(
    'base_url = "https://openrouter.ai/api/v1"\nenv_key = "OPENROUTER_API_KEY"\nwire_api = "responses"',
  )
})

// A file called .ts is no module in a folder that npm has just made.
test('the TypeScript file is a module in every folder, and its command is named', () => {
  expect(find('typescript').file).toBe('hello.mts')
  expect(find('typescript').blocks[1]?.text).toMatch(/npx tsx hello\.mts$/)
})

test('Cursor gets the address that OpenRouter has for it', () => {
  expect(fileOf('cursor')).toContain('https://openrouter.ai/api/v1/cursor\n')
})
