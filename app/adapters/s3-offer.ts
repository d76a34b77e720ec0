/** What S3 storage offers through Keymint: its capabilities, fields and words. */
import type { ServiceCapabilities } from './service-adapter'

export const title = 'S3'

export const capabilities: ServiceCapabilities = {
  capBy: 'keymint',
  expiryBy: 'service',
  resets: [],
  modelList: 'none',
  // A new key would begin with a prefix of its own, and the old objects would cost on.
  rotation: false,
  keepsTotal: true,
  end: 'disable',
  readEverySeconds: 300,
  // AWS reports requests some minutes late.
  settleSeconds: 900,
  fields: [
    {
      name: 'accessKeyId',
      label: 'Access key ID',
      hint: 'Of a user that may manage users under /km/, list the bucket and read its versioning.',
      kind: 'text',
      required: true,
    },
    { name: 'secret', label: 'Secret access key', kind: 'secret', required: true },
    { name: 'bucket', label: 'Bucket', kind: 'text', required: true },
    {
      name: 'prefix',
      label: 'Prefix (optional)',
      hint: 'Each key gets a folder of its own below it.',
      kind: 'text',
      required: false,
    },
    { name: 'region', label: 'Region', kind: 'text', required: true, initial: 'us-east-1' },
    {
      name: 'boundary',
      label: 'Permissions boundary',
      hint:
        'The ARN of a policy that no key of a member can go beyond. AWS only, where it is needed: ' +
        'whoever may write policies could give a user anything.',
      kind: 'text',
      required: false,
    },
    {
      name: 'baseUrl',
      label: 'S3 address (optional)',
      hint: 'Of a server of your own that speaks S3 and IAM. Leave empty for AWS.',
      kind: 'address',
      required: false,
    },
    {
      name: 'iamAddress',
      label: 'IAM address (optional)',
      hint: 'Where it is another than the S3 address.',
      kind: 'address',
      required: false,
    },
    {
      name: 'priceStored',
      label: 'USD for a GB stored for a month',
      hint: 'AWS, us-east-1, S3 Standard, November 2026: 0.023. Check what your account pays.',
      kind: 'usd',
      required: true,
      initial: '0.023',
    },
    {
      name: 'traffic',
      label: 'What is counted',
      hint:
        'AWS counts requests by a metric for each key, from about 15 minutes after it is made, for ' +
        'at most 5 USD a key and month. It needs the rights to the bucket’s metrics ' +
        'configurations and to cloudwatch:GetMetricData. It holds for keys that are made from now on.',
      kind: 'choice',
      required: false,
      initial: 'no',
      choices: [
        { value: 'no', label: 'Stored data' },
        { value: 'yes', label: 'Stored data, downloads and requests (AWS)' },
      ],
    },
    {
      name: 'priceDownload',
      label: 'USD for a GB downloaded',
      hint: 'These three count only where downloads and requests do. AWS, us-east-1, November 2026.',
      kind: 'usd',
      required: false,
      initial: '0.09',
    },
    {
      name: 'priceWrites',
      label: 'USD for 1,000 writes and lists',
      kind: 'usd',
      required: false,
      initial: '0.005',
    },
    {
      name: 'priceReads',
      label: 'USD for 1,000 reads',
      kind: 'usd',
      required: false,
      initial: '0.0004',
    },
  ],
  options: [],
  texts: {
    noun: 'key',
    gets: 'A folder of your own in the team’s bucket, and a key that opens nothing else.',
    atCap:
      'Keymint watches this cap; the storage does not enforce it. What is stored is counted every ' +
      '5 minutes, and a key that passes its cap is disabled then. Downloads and requests are counted ' +
      'only where an owner chose that, when AWS reports them: usually within minutes, not guaranteed. ' +
      'What is not counted, and what a key does until it is disabled, is charged to the account.',
    remains:
      'What was stored stays after the key has ended, and goes on costing the account until ' +
      'somebody deletes it.',
    remained: 'What was stored stays, and goes on costing the account until somebody deletes it.',
  },
  unit: 'usd',
}
