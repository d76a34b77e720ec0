/**
 * Whether the snippets of an S3 key and of a machine work: each as its page shows it, with the key
 * filled in, in a fresh home, run by the tool that this machine has. A tool of S3 counts only if the
 * object is in the folder of the key; a second object beside the folder must have been refused. A
 * tool that is not installed is named and counts as not tried.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createOutbound } from '~/adapters/outbound.server'
import { createS3 } from '~/adapters/s3.server'
import { s3Snippets } from '~/components/team/service-snippet-texts'
import { nanoFromDecimalString } from '~/money'
import { startAws, type RunningAws } from '../../simulators/aws/server'
import { thisMachine } from '../../tests/this-machine'
import type { Count, Proof } from './proof'

export const storageToolProofs: Proof[] = [{ name: 'tools', run }]

const maxSeconds = 120

type Tool = {
  title: string
  /** Prints its version; a failure means that it is not installed. */
  version: string
  /** How a snippet that is a program's text is run. */
  file?: { name: string; run: string }
}

/** The system's own, whatever an environment puts before it. */
const tools: Tool[] = [
  { title: 'aws', version: 'aws --version' },
  {
    title: 'Python (boto3)',
    version: `python3 -c "import boto3; print('boto3', boto3.__version__)"`,
    file: { name: 'upload.py', run: 'python3 upload.py' },
  },
  {
    title: 'JavaScript (@aws-sdk/client-s3)',
    version: `node -p "'@aws-sdk/client-s3 ' + require('@aws-sdk/client-s3/package.json').version"`,
    file: { name: 'upload.mjs', run: 'node upload.mjs' },
  },
  { title: 'rclone', version: 'rclone --version | head -1' },
]

async function run(): Promise<Count[]> {
  const folder = mkdtempSync(path.join(tmpdir(), 'keymint-storage-'))
  const aws = await startAws()
  try {
    const counts: Count[] = []
    for (const [index, tool] of tools.entries())
      counts.push(await tryTool(tool, aws, path.join(folder, String(index))))
    return counts
  } finally {
    await aws.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function tryTool(tool: Tool, aws: RunningAws, place: string): Promise<Count> {
  mkdirSync(place, { recursive: true })
  symlinkSync(path.resolve('node_modules'), path.join(place, 'node_modules'))
  const probe = spawnSync('bash', ['-c', `set -o pipefail; ${tool.version}`], {
    cwd: place,
    env: { PATH: ownPath, NODE_ENV: 'production' },
    encoding: 'utf8',
  })
  const version = probe.stdout.trim().split(' Python')[0]
  if (probe.status !== 0)
    return { what: `${tool.title}: not installed here, so not tried`, tried: 0, failed: 0 }
  const key = await makeKey(aws)
  writeFileSync(path.join(place, 'report.csv'), 'a,b\n1,2\n')
  const snippet = textOf(tool.title)
  if (tool.file) writeFileSync(path.join(place, tool.file.name), snippet)
  const command = tool.file?.run ?? snippet
  const startedAt = performance.now()
  const inside = await shell(place, [filled(key), command])
  const outside = await shell(place, [filled({ ...key, Folder: 'beside/' }), command])
  const objects = await objectsOf(aws)
  const works =
    inside.code === 0 &&
    objects.includes(`${key['Folder'] ?? ''}report.csv`) &&
    outside.code !== 0 &&
    !objects.some((one) => one.startsWith('beside/'))
  if (!works) {
    const hidden = (text: string) => text.replaceAll(key['Secret access key'] ?? '', '<secret>')
    process.stderr.write(`${tool.title}:\n${hidden(inside.output)}\n${hidden(outside.output)}\n`)
  }
  return {
    what: `${version}: uploads into the folder of its key, and nowhere else`,
    tried: 1,
    failed: works ? 0 : 1,
    worstSeconds: (performance.now() - startedAt) / 1_000,
  }
}

const ownPath = [path.dirname(process.execPath), '/usr/bin', '/bin'].join(':')

const textOf = (title: string) => {
  const found = s3Snippets.find((snippet) => snippet.title === title)
  if (!found) throw new Error(`There is no snippet for ${title}`)
  return found.text
}

/** The first snippet, each line with what the page shows of the key. */
function filled(parts: Record<string, string>): string {
  const values: Record<string, string | undefined> = {
    AWS_ACCESS_KEY_ID: parts['Access key ID'],
    AWS_SECRET_ACCESS_KEY: parts['Secret access key'],
    AWS_REGION: parts['Region'],
    BUCKET: parts['Bucket'],
    FOLDER: parts['Folder'],
    AWS_ENDPOINT_URL: parts['Address'],
  }
  return textOf('Environment').replace(
    /^export (\w+)=…/gm,
    (_, name: string) => `export ${name}='${values[name] ?? ''}'`,
  )
}

/** By the adapter itself, as a member's key is made; the parts are those of its page. */
async function makeKey(aws: RunningAws): Promise<Record<string, string>> {
  const adapter = createS3({ outbound: createOutbound({ networks: thisMachine }) })
  const keyId = crypto.randomUUID()
  const made = await adapter.createKey(
    {
      secret: aws.secretAccessKey,
      baseUrl: aws.baseUrl,
      settings: { accessKeyId: aws.accessKeyId, bucket: aws.bucket, prefix: 'proof' },
    },
    {
      name: `km/0123456789ab/team.tools/${crypto.randomUUID()}`,
      keyId,
      cap: nanoFromDecimalString('5'),
      reset: null,
      expiresAt: new Date(Date.now() + 3_600_000),
      models: null,
      options: {},
    },
  )
  const parts = adapter.show?.(made.plaintext) ?? []
  return Object.fromEntries(parts.map(({ label, value }) => [label, value]))
}

async function objectsOf({ baseUrl }: RunningAws): Promise<string[]> {
  const answer = await fetch(`${baseUrl}/__sim/objects`)
  const { objects } = (await answer.json()) as { objects: { key: string }[] }
  return objects.map(({ key }) => key)
}

async function shell(
  place: string,
  commands: string[],
): Promise<{ code: number | null; output: string }> {
  const child = spawn('bash', ['-e', '-c', commands.join('\n')], {
    cwd: place,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: maxSeconds * 1_000,
    env: { PATH: ownPath, HOME: place, NODE_ENV: 'production' },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => (output += data.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, output }
}
