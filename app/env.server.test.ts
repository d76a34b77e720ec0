import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { EnvError, inspectEnv, readEnv, secretsOf } from './env.server'

const good = {
  NODE_ENV: 'production',
  DATABASE_URL: 'postgresql://user:databasepassword@db.example.org:5432/keymint',
  APP_ORIGIN: 'https://keys.example.org',
  SESSION_SECRET: 's'.repeat(40),
  ENCRYPTION_KEY: randomBytes(32).toString('base64'),
  OPENROUTER_MANAGEMENT_KEY: `sk-or-v1-${'a'.repeat(64)}`,
  GITHUB_CLIENT_ID: 'id',
  GITHUB_CLIENT_SECRET: 'githubsecret',
  GOOGLE_CLIENT_ID: 'id',
  GOOGLE_CLIENT_SECRET: 'googlesecret',
}

function complaintOf(change: Record<string, string | undefined>): string {
  try {
    readEnv({ ...good, ...change })
    return ''
  } catch (error) {
    if (error instanceof EnvError) return error.message
    throw error
  }
}

test('every problem is listed at once, also those that only production has', () => {
  const complaint = complaintOf({
    DATABASE_URL: 'mysql://x',
    SESSION_SECRET: 'short',
    ENCRYPTION_KEY: undefined,
    PORT: 'eighty',
    GITHUB_CLIENT_ID: '',
    APP_ORIGIN: 'http://keys.example.org',
  })
  for (const name of [
    'DATABASE_URL',
    'SESSION_SECRET',
    'ENCRYPTION_KEY',
    'PORT',
    'GITHUB_CLIENT_ID',
    'APP_ORIGIN',
  ])
    expect(complaint).toContain(`- ${name}: `)
  expect(complaint).toContain('6 errors')
})

test('no value of a secret is ever printed', () => {
  const bad = {
    DATABASE_URL: 'mysql://user:hunter2hunter2@db',
    SESSION_SECRET: 'tooshortsecret',
    ENCRYPTION_KEY: 'notthirtytwobytes',
    METRICS_TOKEN: 'shorttoken',
    SMTP_URL: 'mail password',
  }
  const complaint = complaintOf(bad)
  for (const name of Object.keys(bad)) expect(complaint).toContain(name)
  for (const value of [...Object.values(bad), 'hunter2hunter2'])
    expect(complaint).not.toContain(value)
})

test('provisioning is on for the word true alone', () => {
  for (const word of [
    undefined,
    '',
    'false',
    '1',
    'yes',
    'on',
    'TRUE',
    'True',
    ' true',
    'true ',
    '"true"',
  ])
    expect(readEnv({ ...good, PROVISIONING_ENABLED: word }).PROVISIONING_ENABLED).toBe(false)
  expect(readEnv({ ...good, PROVISIONING_ENABLED: 'true' }).PROVISIONING_ENABLED).toBe(true)
})

test('a malformed number of keys means none, and does not stop the start', () => {
  for (const word of [
    undefined,
    '',
    '0',
    '-5',
    '1e3',
    '12.5',
    '100 ',
    'many',
    '0x10',
    '9'.repeat(20),
  ])
    expect(readEnv({ ...good, MAX_TOTAL_KEYS: word }).MAX_TOTAL_KEYS).toBe(0)
  expect(readEnv({ ...good, MAX_TOTAL_KEYS: '250' }).MAX_TOTAL_KEYS).toBe(250)
})

test('production speaks https, or to this machine', () => {
  expect(
    complaintOf({
      APP_ORIGIN: 'http://keys.example.org',
      OPENROUTER_BASE_URL: 'http://openrouter.example.org/api/v1',
    }).match(/must be https/g),
  ).toHaveLength(2)
  for (const host of ['localhost.example.org', '127.0.0.1.example.org', '10.0.0.1', '0.0.0.0'])
    expect(complaintOf({ APP_ORIGIN: `http://${host}` })).toContain('must be https')
  for (const host of ['localhost:3000', '127.0.0.1:3000', '[::1]:3000'])
    expect(complaintOf({ APP_ORIGIN: `http://${host}` })).toBe('')
  expect(complaintOf({ NODE_ENV: undefined, APP_ORIGIN: 'http://keys.example.org' })).toContain(
    'must be https',
  )
  expect(complaintOf({ NODE_ENV: 'development', APP_ORIGIN: 'http://keys.example.org' })).toBe('')
})

test('every secret of the environment is known to the logs, in each form in which it is used', () => {
  const key = randomBytes(32)
  const env = readEnv({
    ...good,
    ENCRYPTION_KEY: key.toString('hex'),
    DATABASE_URL: 'postgresql://user:odd%2Fpassword@db.example.org:5432/keymint',
    SMTP_URL: 'smtp://user:mailpassword@mail.example.org:587',
    METRICS_TOKEN: 'm'.repeat(20),
    SESSION_SECRET: `${'s'.repeat(40)},${'t'.repeat(40)}`,
  })
  const secrets = secretsOf(env)
  for (const secret of [
    's'.repeat(40),
    't'.repeat(40),
    key.toString('base64'),
    key.toString('hex'),
    good.OPENROUTER_MANAGEMENT_KEY,
    'githubsecret',
    'googlesecret',
    'm'.repeat(20),
    'odd%2Fpassword',
    'odd/password',
    'mailpassword',
  ])
    expect(secrets, secret).toContain(secret)
  for (const open of ['user', 'id', 'https://keys.example.org']) expect(secrets).not.toContain(open)
})

test('values are checked as what they are used for, and the error names the variable', () => {
  const problems = (change: Record<string, string>) =>
    inspectEnv({ ...good, ...change }).problems.join('\n')
  const bare = problems({ DATABASE_URL: 'postgresql://u:50%off@h/d' })
  expect(bare).toContain('DATABASE_URL: has a % in its user or password')
  expect(bare).not.toContain('off')
  expect(problems({ OPENROUTER_MANAGEMENT_KEY: 'sk-or-v1-…' })).toContain(
    'OPENROUTER_MANAGEMENT_KEY: holds a character that no request can carry',
  )
  expect(problems({ SMTP_URL: 'smtp://u:%@h' })).toContain('SMTP_URL: has a %')
  expect(problems({})).toBe('')
})

test('ALLOW_PRIVATE_SERVICES is a list of networks, and a wrong one is named', () => {
  const of = (text: string | undefined) =>
    readEnv({ ...good, ALLOW_PRIVATE_SERVICES: text }).ALLOW_PRIVATE_SERVICES
  expect(of(undefined)).toEqual([])
  expect(of('10.0.0.0/8, fd00::/8')).toEqual([
    { address: '10.0.0.0', prefix: 8, family: 'ipv4' },
    { address: 'fd00::', prefix: 8, family: 'ipv6' },
  ])
  for (const wrong of ['true', '10.0.0.0', '10.0.0.0/33', 'fd00::/129', '10.0.0/8', 'litellm/8'])
    expect(complaintOf({ ALLOW_PRIVATE_SERVICES: `10.0.0.0/8,${wrong}` })).toContain(
      `ALLOW_PRIVATE_SERVICES: "${wrong}" is not a network`,
    )
  for (const never of ['169.254.169.254/32', '169.254.0.0/16', 'fe80::/10'])
    expect(complaintOf({ ALLOW_PRIVATE_SERVICES: never })).toContain(`"${never}" is link-local`)
})

test('alerts: each variable that is wrong or needs another one is named, and no address is quoted', () => {
  const hook = 'https://hooks.example.org/very-secret-path'
  const secret = 'a-secret-with-thirty-two-characters'
  for (const [change, line] of [
    [{ ALERT_WEBHOOK_URL: hook }, 'ALERT_WEBHOOK_SECRET: is missing'],
    [{ ALERT_WEBHOOK_URL: hook, ALERT_WEBHOOK_SECRET: 'short' }, 'ALERT_WEBHOOK_SECRET: every'],
    [{ ALERT_SLACK_URL: 'very-secret-path' }, 'ALERT_SLACK_URL: must be an address'],
    [{ ALERT_SLACK_URL: 'ftp://x/very-secret-path' }, 'ALERT_SLACK_URL: must be an address'],
    [{ ALERT_SLACK_URL: 'https://u:p@x/very-secret-path' }, 'ALERT_SLACK_URL: must be an address'],
    [{ ALERT_SLACK_URL: 'http://10.0.0.1/very-secret-path' }, 'ALERT_SLACK_URL: must be https'],
    [{ ALERT_MAIL_TO: 'duty@example.org' }, 'SMTP_URL: is missing'],
    [{ ALERT_MAIL_TO: 'duty', SMTP_URL: 'smtp://h' }, 'ALERT_MAIL_TO: must be mail addresses'],
    [{ ALERT_QUIET_HOURS: '22-7' }, 'ALERT_QUIET_HOURS: must be two times and a zone'],
    [{ SMTP_FROM: 'a@b.org\r\nBcc: c@d.org' }, 'SMTP_FROM: must be'],
  ] as const) {
    const complaint = complaintOf(change)
    expect(complaint).toContain(`- ${line}`)
    expect(complaint).toContain('1 error.')
    expect(complaint).not.toContain('very-secret-path')
  }
  const env = readEnv({
    ...good,
    ALERT_WEBHOOK_URL: hook,
    ALERT_WEBHOOK_SECRET: `${secret},${secret}-older`,
    ALERT_SLACK_URL: 'http://10.0.0.1/services/very-secret',
    ALLOW_PRIVATE_SERVICES: '10.0.0.0/8',
    ALERT_MAIL_TO: 'a@example.org, b@example.org',
    SMTP_URL: 'smtp://h',
    SMTP_FROM: 'Keymint <keys@example.org>',
    ALERT_QUIET_HOURS: '22:00-07:00 Europe/Berlin',
  })
  expect(env.ALERT_MAIL_TO).toEqual(['a@example.org', 'b@example.org'])
  expect(env.ALERT_QUIET_HOURS).toMatchObject({ from: 1_320, to: 420, zone: 'Europe/Berlin' })
  for (const value of [
    secret,
    `${secret}-older`,
    hook,
    '/very-secret-path',
    '/services/very-secret',
  ])
    expect(secretsOf(env)).toContain(value)
})
