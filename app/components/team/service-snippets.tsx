import type { SubKeyView } from '~/domain/team/view-types'
import { Section } from '../base/page-shell'

type Snippet = { title: string; text: string }

/** Fill in what the page shows of the key; nothing here is a secret. */
const s3: Snippet[] = [
  {
    title: 'Environment',
    text: [
      'export AWS_ACCESS_KEY_ID=…',
      'export AWS_SECRET_ACCESS_KEY=…',
      'export AWS_REGION=us-east-1',
      '# Only where an address is shown:',
      'export AWS_ENDPOINT_URL=…',
    ].join('\n'),
  },
  {
    title: 'aws',
    text: 'aws s3 cp report.csv s3://BUCKET/FOLDER/report.csv\naws s3 ls s3://BUCKET/FOLDER/',
  },
  {
    title: 'Python (boto3)',
    text: [
      'import boto3',
      "boto3.client('s3').upload_file('report.csv', 'BUCKET', 'FOLDER/report.csv')",
    ].join('\n'),
  },
  {
    title: 'JavaScript (@aws-sdk/client-s3)',
    text: [
      "import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'",
      'const s3 = new S3Client({ forcePathStyle: true })',
      "await s3.send(new PutObjectCommand({ Bucket: 'BUCKET', Key: 'FOLDER/report.csv', Body: 'a,b' }))",
    ].join('\n'),
  },
  {
    title: 'rclone',
    text: 'rclone --s3-env-auth --s3-provider Other copy report.csv :s3:BUCKET/FOLDER',
  },
]
const runpod: Snippet[] = [
  {
    title: 'In the browser',
    text: 'Open the address and sign in with the password.',
  },
  {
    title: 'Is it there yet?',
    text: 'curl -sf "ADDRESS/api/status?token=PASSWORD"',
  },
  {
    title: 'A file from the machine, before it ends',
    text: 'curl -o result.bin "ADDRESS/files/result.bin?token=PASSWORD"',
  },
]
const byService: Record<string, Snippet[]> = { s3, runpod }

/** How a key of this service is used; nothing for a service that has its own pages for that. */
export function ServiceSnippets({ view }: { view: Pick<SubKeyView, 'service'> }) {
  const snippets = byService[view.service]
  if (!snippets) return null
  return (
    <Section title="How to use it" id="use">
      <dl className="max-w-read space-y-4">
        {snippets.map(({ title, text }) => (
          <div key={title}>
            <dt className="font-semibold">{title}</dt>
            <dd>
              <pre
                tabIndex={0}
                aria-label={title}
                className="mt-1 overflow-x-auto rounded-box border border-rule bg-raised p-3 font-mono text-small"
              >
                {text}
              </pre>
            </dd>
          </div>
        ))}
      </dl>
    </Section>
  )
}
