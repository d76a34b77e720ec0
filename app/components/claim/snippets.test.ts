import { expect, test } from 'vitest'
import { envFile, snippets } from './snippets'

const input = {
  baseUrl: 'https://openrouter.ai/api/v1',
  models: ['anthropic/claude-sonnet-4.6', 'openai/gpt-5-nano'],
}
const textOf = (id: string) => snippets(input).find((snippet) => snippet.id === id)?.text ?? ''

test('no snippet holds a key: each reads the environment variable or asks for pasting', () => {
  for (const { text } of snippets(input)) expect(text).not.toContain('sk-or-')
})

test('only the .env file holds the key, and only when it is given one', () => {
  expect(envFile('sk-or-v1-abc', input.baseUrl)).toContain('OPENROUTER_API_KEY=sk-or-v1-abc\n')
  expect(envFile(null, input.baseUrl)).toContain('OPENROUTER_API_KEY=\n')
})

// With ANTHROPIC_API_KEY unset, Claude Code uses the person's own account.
test('Claude Code gets the base without /v1, the token by reference, and an empty API key', () => {
  expect(textOf('claude-code')).toBe(
    'export ANTHROPIC_BASE_URL=https://openrouter.ai/api\nexport ANTHROPIC_AUTH_TOKEN=$OPENROUTER_API_KEY\nexport ANTHROPIC_API_KEY=""\nclaude --model anthropic/claude-sonnet-4.6',
  )
})

// Without max_tokens, the provider refuses a small limit with 402.
test('requests name the first allowed model and bound their tokens', () => {
  for (const id of ['curl', 'python', 'typescript']) {
    expect(textOf(id)).toContain('anthropic/claude-sonnet-4.6')
    expect(textOf(id)).toMatch(/max_tokens"?[:=] ?400/)
    expect(textOf(id)).toContain('https://openrouter.ai/api/v1')
  }
})

test('the body of the curl call and opencode.json are JSON', () => {
  const body = /-d '([^]*)'$/.exec(textOf('curl'))?.[1] ?? ''
  expect(JSON.parse(body)).toMatchObject({ model: 'anthropic/claude-sonnet-4.6', max_tokens: 400 })
  expect(JSON.parse(textOf('opencode'))).toMatchObject({
    provider: {
      openrouter: { models: { 'anthropic/claude-sonnet-4.6': {}, 'openai/gpt-5-nano': {} } },
    },
  })
})

test('aider and Codex use their own ways to OpenRouter', () => {
  expect(textOf('aider')).toBe('aider --model openrouter/anthropic/claude-sonnet-4.6')
  expect(textOf('codex')).toContain(
    'base_url = "https://openrouter.ai/api/v1"\nenv_key = "OPENROUTER_API_KEY"\nwire_api = "chat"',
  )
})
