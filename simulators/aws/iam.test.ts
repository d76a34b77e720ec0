/** The stand-in's IAM, STS and CloudWatch, walked by AWS's own clients. */
import {
  CloudWatchClient,
  GetMetricDataCommand,
  GetMetricStatisticsCommand,
} from '@aws-sdk/client-cloudwatch'
import {
  CreateAccessKeyCommand,
  CreateUserCommand,
  DeleteAccessKeyCommand,
  DeleteUserCommand,
  DeleteUserPolicyCommand,
  GetUserPolicyCommand,
  IAMClient,
  ListAccessKeysCommand,
  ListUserPoliciesCommand,
  ListUsersCommand,
  paginateListUsers,
  PutUserPolicyCommand,
} from '@aws-sdk/client-iam'
import { PutBucketMetricsConfigurationCommand, S3Client } from '@aws-sdk/client-s3'
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { expect, test } from 'vitest'
import { startAws } from './server'

async function open() {
  const aws = await startAws()
  const config = (accessKeyId = aws.accessKeyId, secretAccessKey = aws.secretAccessKey) => ({
    region: 'us-east-1',
    endpoint: aws.baseUrl,
    maxAttempts: 1,
    credentials: { accessKeyId, secretAccessKey },
  })
  const iam = new IAMClient(config())
  const user = (UserName: string, Path = '/km/') =>
    iam.send(new CreateUserCommand({ UserName, Path }))
  return { aws, config, iam, user, [Symbol.asyncDispose]: () => aws.stop() }
}

const policy = (folder: string, extra = '') =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Action: ['s3:GetObject'],
        Resource: `arn:aws:s3:::team-storage/${folder}${extra}/*`,
        Condition: {},
      },
    ],
  })

test('users are listed by pages that hold through what comes and goes meanwhile', async () => {
  await using bench = await open()
  const { iam, user } = bench
  for (let index = 10; index < 35; index++) await user(`user${index}`)
  await user('elsewhere', '/other/')
  const seen: string[] = []
  for await (const page of paginateListUsers(
    { client: iam, pageSize: 10 },
    { PathPrefix: '/km/' },
  )) {
    const names = (page.Users ?? []).map(({ UserName }) => UserName!)
    seen.push(...names)
    if (seen.length === 10) {
      await iam.send(new DeleteUserCommand({ UserName: names[0] }))
      await user('user09')
    }
  }
  // The one that is gone was seen, the new one stands before the page; no one else is lost or twice.
  expect(seen).toEqual(Array.from({ length: 25 }, (_, index) => `user${index + 10}`))
  const list = (input: object) => iam.send(new ListUsersCommand(input))
  expect(await list({ MaxItems: 1 })).toMatchObject({ IsTruncated: true })
  for (const [input, name] of [
    [{ MaxItems: 0 }, 'ValidationError'],
    [{ MaxItems: 1_001 }, 'ValidationError'],
    [{ PathPrefix: 'km' }, 'ValidationError'],
    [{ Marker: 'not ours!' }, 'InvalidInputException'],
  ] as const)
    await expect(list(input), JSON.stringify(input)).rejects.toMatchObject({
      $metadata: { httpStatusCode: 400 },
      name: expect.stringMatching(name.replace('Exception', '')) as string,
    })
})

test('names, paths, boundaries and quotas are those of IAM', async () => {
  await using bench = await open()
  const { iam, user } = bench
  await user('Anna')
  await expect(user('anna')).rejects.toMatchObject({ name: 'EntityAlreadyExistsException' })
  for (const bad of ['', 'a b', 'a/b', 'x'.repeat(65)])
    await expect(user(bad), bad).rejects.toMatchObject({ name: 'ValidationError' })
  await expect(user('b', 'km')).rejects.toMatchObject({ name: 'ValidationError' })
  const create = new CreateUserCommand({ UserName: 'c', PermissionsBoundary: 'a boundary' })
  await expect(iam.send(create)).rejects.toMatchObject({ name: 'ValidationError' })
  const key = () => iam.send(new CreateAccessKeyCommand({ UserName: 'Anna' }))
  const first = await key()
  await key()
  await expect(key()).rejects.toMatchObject({
    name: 'LimitExceededException',
    $metadata: { httpStatusCode: 409 },
  })
  const list = (input: object = {}) =>
    iam.send(new ListAccessKeysCommand({ UserName: 'Anna', ...input }))
  const { AccessKeyMetadata: both } = await list()
  expect(both?.map(({ Status }) => Status)).toEqual(['Active', 'Active'])
  const page = await list({ MaxItems: 1 })
  expect(page.IsTruncated).toBe(true)
  const rest = await list({ MaxItems: 1, Marker: page.Marker })
  expect([page, rest].map(({ AccessKeyMetadata: one }) => one?.[0]?.AccessKeyId)).toEqual(
    both?.map(({ AccessKeyId }) => AccessKeyId),
  )
  const { AccessKeyId } = first.AccessKey!
  await iam.send(new DeleteAccessKeyCommand({ UserName: 'Anna', AccessKeyId }))
  await expect(
    iam.send(new DeleteAccessKeyCommand({ UserName: 'Anna', AccessKeyId })),
  ).rejects.toMatchObject({ name: 'NoSuchEntityException' })
  await expect(iam.send(new DeleteUserCommand({ UserName: 'Anna' }))).rejects.toMatchObject({
    name: 'DeleteConflictException',
  })
})

test('each policy has its name, and all of a user together have one length', async () => {
  await using bench = await open()
  const { iam, user } = bench
  await user('u')
  const put = (PolicyName: string, PolicyDocument: string) =>
    iam.send(new PutUserPolicyCommand({ UserName: 'u', PolicyName, PolicyDocument }))
  const get = (PolicyName: string) =>
    iam.send(new GetUserPolicyCommand({ UserName: 'u', PolicyName }))
  await put('one', policy('a'))
  await put('two', policy('b'))
  expect(decodeURIComponent((await get('one')).PolicyDocument!)).toBe(policy('a'))
  await expect(get('three')).rejects.toMatchObject({ name: 'NoSuchEntityException' })
  await expect(put('three', policy('c', 'c'.repeat(1_900)))).rejects.toMatchObject({
    name: 'LimitExceededException',
  })
  await expect(put('three', policy('*'))).rejects.toMatchObject({
    name: 'MalformedPolicyDocumentException',
  })
  const drop = (PolicyName: string) =>
    iam.send(new DeleteUserPolicyCommand({ UserName: 'u', PolicyName }))
  await expect(drop('three')).rejects.toMatchObject({ name: 'NoSuchEntityException' })
  await drop('one')
  const { PolicyNames } = await iam.send(new ListUserPoliciesCommand({ UserName: 'u' }))
  expect(PolicyNames).toEqual(['two'])
})

test('everybody may ask who they are, and nothing else of IAM', async () => {
  await using bench = await open()
  const { iam, user, config, aws } = bench
  await user('member', '/km/team/')
  const { AccessKey: key } = await iam.send(new CreateAccessKeyCommand({ UserName: 'member' }))
  const own = config(key!.AccessKeyId, key!.SecretAccessKey)
  expect((await new STSClient(own).send(new GetCallerIdentityCommand({}))).Arn).toMatch(
    /:user\/km\/team\/member$/,
  )
  expect((await new STSClient(config()).send(new GetCallerIdentityCommand({}))).Arn).toMatch(
    /:root$/,
  )
  await expect(new IAMClient(own).send(new ListUsersCommand({}))).rejects.toMatchObject({
    name: 'AccessDenied',
    $metadata: { httpStatusCode: 403, requestId: expect.any(String) as string },
  })
  const late = new IAMClient({ ...config(), systemClockOffset: -20 * 60_000 })
  await expect(late.send(new ListUsersCommand({}))).rejects.toMatchObject({
    name: 'RequestExpired',
    $metadata: { httpStatusCode: 400 },
  })
  const none = new IAMClient(config('AKIANONE', aws.secretAccessKey))
  await expect(none.send(new ListUsersCommand({}))).rejects.toMatchObject({
    name: 'InvalidClientTokenId',
  })
})

test('both questions of CloudWatch give the same sums, and refuse what they cannot answer', async () => {
  await using bench = await open()
  const { aws, config } = bench
  const s3 = new S3Client({ ...config(), forcePathStyle: true })
  const MetricsConfiguration = { Id: 'one', Filter: { Prefix: 'folder/' } }
  const Bucket = aws.bucket
  await s3.send(
    new PutBucketMetricsConfigurationCommand({ Bucket, Id: 'one', MetricsConfiguration }),
  )
  await fetch(`${aws.baseUrl}/__sim/traffic`, {
    method: 'POST',
    body: JSON.stringify({ key: 'folder/a', metric: 'BytesDownloaded', value: 1_000 }),
  })
  const cloudWatch = new CloudWatchClient(config())
  const metric = {
    Namespace: 'AWS/S3',
    MetricName: 'BytesDownloaded',
    Dimensions: [
      { Name: 'BucketName', Value: Bucket },
      { Name: 'FilterId', Value: 'one' },
    ],
  }
  const window = {
    StartTime: new Date(Date.now() - 3_600_000),
    EndTime: new Date(Date.now() + 60_000),
  }
  const { Datapoints } = await cloudWatch.send(
    new GetMetricStatisticsCommand({ ...metric, ...window, Period: 300, Statistics: ['Sum'] }),
  )
  expect(Datapoints).toMatchObject([{ Sum: 1_000, Unit: 'Bytes' }])
  const data = (change: object = {}) =>
    cloudWatch.send(
      new GetMetricDataCommand({
        ...window,
        MetricDataQueries: [
          { Id: 'one', MetricStat: { Metric: metric, Period: 300, Stat: 'Sum' } },
        ],
        ...change,
      }),
    )
  expect((await data()).MetricDataResults?.[0]?.Values).toEqual([1_000])
  await expect(data({ NextToken: 'none' })).rejects.toMatchObject({
    $metadata: { httpStatusCode: 400 },
  })
  await expect(data({ MaxDatapoints: 0 })).rejects.toMatchObject({
    name: expect.stringMatching(/^Validation/) as string,
  })
  const year = { ...window, StartTime: new Date(Date.now() - 365 * 86_400_000) }
  await expect(
    cloudWatch.send(
      new GetMetricStatisticsCommand({ ...metric, ...year, Period: 60, Statistics: ['Sum'] }),
    ),
  ).rejects.toMatchObject({
    name: expect.stringMatching(/^InvalidParameterCombination/) as string,
  })
})
