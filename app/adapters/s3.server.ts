/**
 * S3 storage as a team's service: a key is an IAM user that is confined to a folder of its own in
 * one bucket, at AWS or at a server that speaks the same calls. Nobody caps it in dollars: Keymint
 * counts what is stored and disables the key. Only the request that makes the access key makes
 * something usable; it is sent once. AWS's clients are loaded when the first credential is used.
 */
import type { IAMClient, User } from '@aws-sdk/client-iam'
import { nanoFromDecimalString } from '~/money'
import type { Outbound } from './outbound.server'
import { isNotFound, isProviderError, ProviderError } from './provider-error'
import { firstMeter, nextMeter, parseMeter, withTraffic } from './s3-meter'
import { capabilities, title } from './s3-offer'
import { policyFor, readPolicy } from './s3-policy'
import { bytesUnder, refuseVersions } from './s3-storage.server'
import {
  countsTraffic,
  readTraffic,
  startCounting,
  trafficPrices,
  verifyTraffic,
} from './s3-traffic.server'
import { accessKeys, removeUser } from './s3-users.server'
import {
  refuseUndeclared,
  type ServiceAdapter,
  type ServiceCredential,
  type ServiceKey,
} from './service-adapter'

const ourPath = '/km/'
const policyName = 'keymint'
const pageSize = 100

/** AWS's clients take a while to load, and most processes never need them. */
const loadSdk = () => Promise.all([import('@aws-sdk/client-iam'), import('./s3-clients.server')])

export function createS3({
  outbound,
  now = () => new Date(),
}: {
  outbound: Outbound
  now?: () => Date
}): ServiceAdapter {
  async function open(credential: ServiceCredential) {
    const [iamSdk, { createClients, one }] = await loadSdk()
    const clients = createClients(outbound, credential)
    const settings = credential.settings ?? {}
    return { ...iamSdk, iam: clients.iam, clients, one, settings }
  }
  type Opened = Awaited<ReturnType<typeof open>>

  async function findUser({ iam, one, GetUserCommand }: Opened, UserName: string) {
    try {
      return (await one('GetUser', iam.send(new GetUserCommand({ UserName })))).User ?? null
    } catch (error) {
      if (isNotFound(error)) return null
      throw error
    }
  }

  async function findPolicy({ iam, one, GetUserPolicyCommand }: Opened, UserName: string) {
    try {
      const command = new GetUserPolicyCommand({ UserName, PolicyName: policyName })
      const { PolicyDocument } = await one('GetUserPolicy', iam.send(command))
      return readPolicy(decodeURIComponent(PolicyDocument ?? ''))
    } catch (error) {
      if (isNotFound(error)) return null
      throw error
    }
  }

  async function read(opened: Opened, user: User, note: string | null): Promise<ServiceKey> {
    const name = user.UserName ?? ''
    const keys = await accessKeys(opened, name)
    const policy = await findPolicy(opened, name)
    const on = keys.some(({ Status }) => Status === 'Active')
    const at = now()
    const { clients, one, settings } = opened
    const storage = { s3: clients.s3, one }
    const bytes = policy ? await bytesUnder(storage, policy.bucket, policy.prefix) : 0n
    const price = nanoFromDecimalString(settings.priceStored ?? '0.023')
    const stored = nextMeter(parseMeter(note), { at, bytes, on }, price)
    const meter =
      policy && countsTraffic(settings)
        ? withTraffic(
            stored,
            await readTraffic(opened, {
              Bucket: policy.bucket,
              id: name,
              since: user.CreateDate ?? at,
              now: at,
            }),
            trafficPrices(settings),
          )
        : stored
    const used = BigInt(meter.used)
    return {
      ...keyFrom(user),
      disabled: !on,
      expiresAt: policy?.expiresAt ?? null,
      usage: used,
      usedInWindow: used,
      meter: JSON.stringify(meter),
    }
  }

  return {
    service: 's3',
    title,
    capabilities,
    async verifyCredential(credential) {
      const problem = problemOf(credential)
      if (problem !== null)
        return { ok: false, problem: { code: 'provider-error', details: problem } }
      try {
        const { iam, clients, one, settings, ListUsersCommand } = await open(credential)
        if (credential.baseUrl === null) {
          const { GetCallerIdentityCommand } = await import('@aws-sdk/client-sts')
          await one('GetCallerIdentity', clients.sts.send(new GetCallerIdentityCommand({})))
        }
        const list = new ListUsersCommand({ PathPrefix: ourPath, MaxItems: 1 })
        await one('ListUsers', iam.send(list))
        const bucket = settings.bucket ?? ''
        const prefix = folderOf(settings.prefix)
        await bytesUnder({ s3: clients.s3, one }, bucket, prefix, { onlyOne: true })
        await refuseVersions({ s3: clients.s3, one }, bucket, { own: credential.baseUrl !== null })
        if (countsTraffic(settings)) await verifyTraffic({ clients, one, settings }, bucket, now())
        const id = settings.accessKeyId ?? ''
        return { ok: true, label: `${id.slice(0, 4)}…${id.slice(-4)}, ${bucket}/${prefix}` }
      } catch (error) {
        if (!isProviderError(error)) throw error
        return { ok: false, problem: { code: 'provider-error', details: error.details } }
      }
    },

    async createKey(credential, key) {
      refuseUndeclared({ title, capabilities }, key, now())
      const { path, userName } = placeOf(key.name)
      const opened = await open(credential)
      const { iam, one, settings } = opened
      const { CreateUserCommand, PutUserPolicyCommand, CreateAccessKeyCommand } = opened
      const bucket = settings.bucket ?? ''
      const prefix = `${folderOf(settings.prefix)}${key.keyId}`
      const create = new CreateUserCommand({
        UserName: userName,
        Path: path,
        ...(settings.boundary ? { PermissionsBoundary: settings.boundary } : {}),
      })
      const { User: user } = await one('CreateUser', iam.send(create))
      try {
        // A server that knows no paths could not list our users by theirs.
        if (user?.Path !== path)
          throw new ProviderError({
            call: 'CreateUser',
            kind: 'rejected',
            reason: 'refused',
            providerMessage: 'This server does not keep the paths of users.',
          })
        const PolicyDocument = policyFor({ bucket, prefix, expiresAt: key.expiresAt })
        const policy = { UserName: userName, PolicyName: policyName, PolicyDocument }
        await one('PutUserPolicy', iam.send(new PutUserPolicyCommand(policy)))
        if (countsTraffic(settings))
          await startCounting(opened, { Bucket: bucket, Id: userName, Prefix: `${prefix}/` })
        const command = new CreateAccessKeyCommand({ UserName: userName })
        const { AccessKey: made } = await one('CreateAccessKey', iam.send(command))
        if (!made?.AccessKeyId || !made.SecretAccessKey)
          throw new ProviderError({
            call: 'CreateAccessKey',
            kind: 'ambiguous',
            reason: 'unreadable-answer',
          })
        const secret = {
          accessKeyId: made.AccessKeyId,
          secretAccessKey: made.SecretAccessKey,
          region: settings.region ?? 'us-east-1',
          bucket,
          prefix: `${prefix}/`,
          ...(credential.baseUrl ? { address: credential.baseUrl } : {}),
        }
        return {
          id: userName,
          label: `${made.AccessKeyId.slice(0, 4)}…${made.AccessKeyId.slice(-4)}`,
          plaintext: JSON.stringify(secret),
          made: {},
          meter: JSON.stringify(firstMeter(now())),
        }
      } catch (error) {
        // What is certain leaves a user without a key; what is in doubt is found by its name.
        if (isProviderError(error) && error.details.kind !== 'ambiguous')
          await removeUser(opened, userName, { counted: countsTraffic(settings) }).catch(
            () => undefined,
          )
        throw notYetKnown(error)
      }
    },

    async changeKey(credential, id, { disabled }) {
      const opened = await open(credential)
      const { iam, one, UpdateAccessKeyCommand } = opened
      const user = await findUser(opened, id)
      if (!user) throw new ProviderError({ call: 'GetUser', kind: 'rejected', reason: 'not-found' })
      const keys = await accessKeys(opened, id)
      if (disabled !== undefined)
        for (const { AccessKeyId } of keys) {
          const Status = disabled ? ('Inactive' as const) : ('Active' as const)
          const command = new UpdateAccessKeyCommand({ UserName: id, AccessKeyId, Status })
          await one('UpdateAccessKey', iam.send(command))
        }
      const off = disabled ?? keys.every(({ Status }) => Status !== 'Active')
      if (keys.length === 0 && disabled === false)
        throw new ProviderError({
          call: 'UpdateAccessKey',
          kind: 'rejected',
          reason: 'refused',
          providerMessage: 'This user has no access key any more.',
        })
      return { ...keyFrom(user), disabled: off }
    },

    async deleteKey(credential, id) {
      const counted = countsTraffic(credential.settings ?? {}) || credential.baseUrl === null
      await removeUser(await open(credential), id, { counted })
    },

    async *listKeys(credential, { signal } = {}) {
      const { iam, one, ListUsersCommand } = await open(credential)
      for (let Marker: string | undefined; ;) {
        signal?.throwIfAborted()
        const command = new ListUsersCommand({
          PathPrefix: ourPath,
          MaxItems: pageSize,
          ...(Marker ? { Marker } : {}),
        })
        const answer = await one('ListUsers', listUsers(iam, command))
        const users = answer.Users ?? []
        // A server may ignore the prefix.
        const ours = users.filter(({ Path }) => Path?.startsWith(ourPath))
        yield { keys: ours.map(keyFrom), unreadable: 0 }
        Marker = answer.IsTruncated ? answer.Marker : undefined
        if (!Marker) return
      }
    },

    async findKey(credential, id, meter = null) {
      const opened = await open(credential)
      const user = await findUser(opened, id)
      return user && read(opened, user, meter)
    },

    show(plaintext) {
      const secret = JSON.parse(plaintext) as Record<string, string>
      return Object.entries(partLabels).flatMap(([name, label]) => {
        const value = secret[name]
        return value === undefined ? [] : [{ label, value, secret: name === 'secretAccessKey' }]
      })
    },
  }
}

const listUsers = (
  iam: IAMClient,
  command: InstanceType<(typeof import('@aws-sdk/client-iam'))['ListUsersCommand']>,
) => iam.send(command)

const partLabels: Record<string, string> = {
  accessKeyId: 'Access key ID',
  secretAccessKey: 'Secret access key',
  region: 'Region',
  bucket: 'Bucket',
  prefix: 'Folder',
  address: 'Address',
}

/** IAM follows itself late: a user that was made a moment ago may not be there yet. It will be. */
function notYetKnown(error: unknown): unknown {
  if (!isNotFound(error) || !isProviderError(error)) return error
  const { call, status } = error.details
  return new ProviderError({
    call,
    kind: 'retryable',
    reason: 'rate-limited',
    ...(status === undefined ? {} : { status }),
  })
}

/** What is certain to fail, before anything is sent. */
function problemOf({ baseUrl, settings = {} }: ServiceCredential) {
  const refused = (providerMessage: string) =>
    ({ call: 'verify', kind: 'rejected', reason: 'refused', providerMessage }) as const
  if (baseUrl === null && !settings.boundary)
    return refused('AWS needs a permissions boundary, so that no member’s key can go beyond it.')
  const prices = ['priceStored', 'priceDownload', 'priceWrites', 'priceReads']
  if (!prices.every((name) => /^\d{1,6}(\.\d{1,9})?$/.test(settings[name] ?? '0')))
    return refused('A price is not an amount of USD, such as 0.023.')
  if (/[*?"\\]/.test(`${settings.bucket ?? ''}${settings.prefix ?? ''}`))
    return refused('Bucket and prefix may not contain * ? " or \\.')
  return null
}

/** A prefix as the beginning of a folder's name: empty, or ending in one slash. */
function folderOf(prefix: string | undefined): string {
  const plain = (prefix ?? '').replace(/^\/+|\/+$/g, '')
  return plain === '' ? '' : `${plain}/`
}

/** Our name of an attempt is a path and, after its last slash, a user's name. */
function placeOf(name: string): { path: string; userName: string } {
  const end = name.lastIndexOf('/')
  return { path: `/${name.slice(0, end + 1)}`, userName: name.slice(end + 1) }
}

/** What a list says of a user; its key's state and its use are read by themselves. */
const keyFrom = (user: User): ServiceKey => ({
  id: user.UserName ?? '',
  name: `${(user.Path ?? '/').slice(1)}${user.UserName ?? ''}`,
  label: user.UserName?.slice(0, 8) ?? '',
  cap: null,
  reset: null,
  usage: null,
  usedInWindow: 0n,
  windowEndsAt: null,
  disabled: false,
  createdAt: user.CreateDate ?? null,
  expiresAt: null,
})
