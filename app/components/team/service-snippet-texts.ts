/**
 * What people copy for a key of storage or a machine. Nothing here is a secret: the first lines are filled
 * in from what the page shows of the key, and every other snippet uses them. `npm run proofs -- tools`
 * runs each as it stands.
 */
export type ServiceSnippet = {
  title: string
  text: string
  /** Read, not copied: it breaks where the line ends. */
  prose?: true
}

/** Older tools do not read AWS_ENDPOINT_URL by themselves, so each is told. */
export const s3Snippets: ServiceSnippet[] = [
  {
    title: 'Environment',
    text: [
      'export AWS_ACCESS_KEY_ID=…',
      'export AWS_SECRET_ACCESS_KEY=…',
      'export AWS_REGION=…',
      'export AWS_DEFAULT_REGION=$AWS_REGION',
      'export BUCKET=…',
      'export FOLDER=…  # it ends in a slash',
      '# Only where an address is shown:',
      'export AWS_ENDPOINT_URL=…',
    ].join('\n'),
  },
  {
    title: 'aws',
    text: [
      'aws ${AWS_ENDPOINT_URL:+--endpoint-url $AWS_ENDPOINT_URL} s3 cp report.csv "s3://$BUCKET/$FOLDER"',
      'aws ${AWS_ENDPOINT_URL:+--endpoint-url $AWS_ENDPOINT_URL} s3 ls "s3://$BUCKET/$FOLDER"',
    ].join('\n'),
  },
  {
    title: 'Python (boto3)',
    text: [
      'import os, boto3',
      "s3 = boto3.client('s3', endpoint_url=os.environ.get('AWS_ENDPOINT_URL'))",
      "s3.upload_file('report.csv', os.environ['BUCKET'], os.environ['FOLDER'] + 'report.csv')",
    ].join('\n'),
  },
  {
    title: 'JavaScript (@aws-sdk/client-s3)',
    text: [
      "import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'",
      'const { BUCKET, FOLDER } = process.env',
      'const s3 = new S3Client({ forcePathStyle: true })',
      "const report = { Bucket: BUCKET, Key: `${FOLDER}report.csv`, Body: 'a,b' }",
      'await s3.send(new PutObjectCommand(report))',
    ].join('\n'),
  },
  {
    title: 'rclone',
    text: [
      'export RCLONE_S3_ENV_AUTH=true RCLONE_S3_NO_CHECK_BUCKET=true RCLONE_S3_REGION=$AWS_REGION',
      'export RCLONE_S3_PROVIDER=${AWS_ENDPOINT_URL:+Other} RCLONE_S3_ENDPOINT=$AWS_ENDPOINT_URL',
      'rclone copy report.csv ":s3:$BUCKET/$FOLDER"',
    ].join('\n'),
  },
]

export const runpodSnippets: ServiceSnippet[] = [
  {
    title: 'Environment',
    text: 'export ADDRESS=…  # it ends in a slash\nexport PASSWORD=…',
  },
  {
    title: 'In the browser',
    text: 'Open the address and sign in with the password.',
    prose: true,
  },
  {
    title: 'Is it there yet?',
    text: 'curl -sf "${ADDRESS}api/status?token=$PASSWORD"',
  },
  {
    title: 'A file from the machine, before it ends',
    text: 'curl -o result.bin "${ADDRESS}files/result.bin?token=$PASSWORD"',
  },
  {
    title: 'A terminal',
    text: 'In Jupyter: File, New, Terminal. Keymint opens no ssh port.',
    prose: true,
  },
]
