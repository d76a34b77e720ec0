/** What S3 storage offers through Keymint: its capabilities, fields and words. */
import type { ServiceCapabilities } from './service-adapter'

export const title = 'S3'

export const capabilities: ServiceCapabilities = {
  capBy: 'keymint',
  expiryBy: 'service',
  resets: [],
  modelList: false,
  // A new key would begin with a prefix of its own, and the old objects would cost on.
  rotation: false,
  keepsTotal: true,
  end: 'disable',
  readEverySeconds: 300,
  settleSeconds: 0,
  fields: [
    {
      name: 'accessKeyId',
      label: 'Access key ID',
      hint: 'Of a user that may manage users under /km/ and list the bucket.',
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
  ],
  options: [],
  texts: {
    noun: 'key',
    gets: 'A folder of your own in the team’s bucket, and a key that opens nothing else.',
    atCap:
      'Keymint watches this cap; the storage does not enforce it. What is stored is counted every ' +
      '5 minutes, and a key that passes its cap is disabled then. Only stored data is counted; ' +
      'downloads and requests are not, and are charged to the account.',
    remains:
      'What was stored stays after the key has ended, and goes on costing the account until ' +
      'somebody deletes it.',
    remained: 'What was stored stays, and goes on costing the account until somebody deletes it.',
  },
  unit: 'usd',
}
