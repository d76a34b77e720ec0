/** The Query API of IAM and STS, as far as Keymint uses it. */
import { randomUUID } from 'node:crypto'
import { parsePolicy } from './policy.ts'
import { makeAccessKey, presentKeys, statusOf, type Store, type User } from './store.ts'
import { AwsError, element, type Xml } from './xml.ts'

export type IamCall = { store: Store; now: number; form: URLSearchParams }
type Handler = (call: IamCall) => Promise<Xml> | Xml

const accountId = '123456789012'
const maxUsers = 5_000
const maxKeys = 2

const actions: Record<string, Handler> = {
  async CreateUser({ store, now, form }) {
    const name = nameIn(form)
    const path = form.get('Path') ?? '/'
    if (!/^\/([\x21-\x7e]+\/)?$/.test(path) || path.length > 512)
      throw new AwsError(400, 'ValidationError', 'The specified value for path is invalid.')
    if (store.user(name))
      throw new AwsError(409, 'EntityAlreadyExists', `User with name ${name} already exists.`)
    if ([...store.users.values()].filter((user) => !user.deleted).length >= maxUsers)
      throw new AwsError(409, 'LimitExceeded', 'Cannot exceed quota for UsersPerAccount: 5000')
    const user: User = {
      name,
      path,
      createdAt: now,
      boundary: form.get('PermissionsBoundary'),
      keys: [],
      policies: [],
      deleted: false,
    }
    await store.record({ type: 'user', user })
    return { User: userXml(user) }
  },
  GetUser: ({ store, form }) => ({ User: userXml(userIn(store, form)) }),
  async PutUserPolicy({ store, now, form }) {
    const user = userIn(store, form)
    const document = form.get('PolicyDocument') ?? ''
    const policy = parsePolicy(document)
    if (!policy)
      throw new AwsError(400, 'MalformedPolicyDocument', 'This stand-in does not take this policy.')
    const policies = [...user.policies, { at: now, document, policy }]
    await store.record({ type: 'user', user: { ...user, policies } })
    return {}
  },
  GetUserPolicy({ store, form }) {
    const user = userIn(store, form)
    const last = user.policies.at(-1)
    if (!last?.policy) throw notThere('The user policy')
    return {
      UserName: user.name,
      PolicyName: form.get('PolicyName') ?? '',
      PolicyDocument: encodeURIComponent(last.document),
    }
  },
  async DeleteUserPolicy({ store, now, form }) {
    const user = userIn(store, form)
    if (!user.policies.at(-1)?.policy) throw notThere('The user policy')
    const policies = [...user.policies, { at: now, document: '', policy: null }]
    await store.record({ type: 'user', user: { ...user, policies } })
    return {}
  },
  async CreateAccessKey({ store, now, form }) {
    const user = userIn(store, form)
    if (presentKeys(user).length >= maxKeys)
      throw new AwsError(409, 'LimitExceeded', 'Cannot exceed quota for AccessKeysPerUser: 2')
    const { id, secret } = makeAccessKey()
    const key = { id, secret, states: [{ at: now, status: 'Active' as const }] }
    await store.record({ type: 'user', user: { ...user, keys: [...user.keys, key] } })
    return {
      AccessKey: {
        UserName: user.name,
        AccessKeyId: id,
        Status: 'Active',
        SecretAccessKey: secret,
        CreateDate: timeXml(now),
      },
    }
  },
  ListAccessKeys({ store, form }) {
    const user = userIn(store, form)
    return {
      AccessKeyMetadata: {
        member: presentKeys(user).map((key) => ({
          UserName: user.name,
          AccessKeyId: key.id,
          Status: statusOf(key),
          CreateDate: timeXml(user.createdAt),
        })),
      },
      IsTruncated: false,
    }
  },
  async UpdateAccessKey(call) {
    const status = call.form.get('Status')
    if (status !== 'Active' && status !== 'Inactive')
      throw new AwsError(400, 'ValidationError', 'Status must be Active or Inactive.')
    await changeKey(call, status)
    return {}
  },
  async DeleteAccessKey(call) {
    await changeKey(call, 'Deleted')
    return {}
  },
  async DeleteUser({ store, form }) {
    const user = userIn(store, form)
    if (presentKeys(user).length > 0)
      throw new AwsError(
        409,
        'DeleteConflict',
        'Cannot delete entity, must delete access keys first.',
      )
    if (user.policies.at(-1)?.policy)
      throw new AwsError(409, 'DeleteConflict', 'Cannot delete entity, must delete policies first.')
    await store.record({ type: 'user', user: { ...user, deleted: true } })
    return {}
  },
  ListUsers({ store, form }) {
    const prefix = form.get('PathPrefix') ?? '/'
    const size = Math.min(1_000, Number(form.get('MaxItems') ?? 100))
    const from = Number(form.get('Marker') ?? 0)
    const users = [...store.users.values()]
      .filter((user) => !user.deleted && user.path.startsWith(prefix))
      .sort((a, b) => a.name.localeCompare(b.name))
    const isTruncated = from + size < users.length
    return {
      Users: { member: users.slice(from, from + size).map(userXml) },
      IsTruncated: isTruncated,
      ...(isTruncated ? { Marker: String(from + size) } : {}),
    }
  },
}

async function changeKey(
  { store, now, form }: IamCall,
  status: 'Active' | 'Inactive' | 'Deleted',
): Promise<void> {
  const user = userIn(store, form)
  const id = form.get('AccessKeyId')
  if (!presentKeys(user).some((key) => key.id === id)) throw notThere('The Access Key')
  const keys = user.keys.map((key) =>
    key.id === id ? { ...key, states: [...key.states, { at: now, status }] } : key,
  )
  await store.record({ type: 'user', user: { ...user, keys } })
}

/** IAM and STS are for the account's own key; an ordinary one is denied. */
export async function answerIam(call: IamCall, isRoot: boolean): Promise<string> {
  const action = call.form.get('Action') ?? ''
  if (action === 'GetCallerIdentity')
    return wrapped(action, {
      Account: accountId,
      UserId: accountId,
      Arn: `arn:aws:iam::${accountId}:root`,
    })
  if (!isRoot)
    throw new AwsError(403, 'AccessDenied', `User is not authorized to perform: iam:${action}`)
  const handler = actions[action]
  if (!handler) throw new AwsError(400, 'InvalidAction', `Could not find operation ${action}`)
  return wrapped(action, await handler(call))
}

const wrapped = (action: string, result: Xml) =>
  element(`${action}Response`, {
    [`${action}Result`]: result,
    ResponseMetadata: { RequestId: randomUUID() },
  })

function nameIn(form: URLSearchParams): string {
  const name = form.get('UserName') ?? ''
  if (!/^[\w+=,.@-]{1,64}$/.test(name))
    throw new AwsError(400, 'ValidationError', 'The specified value for userName is invalid.')
  return name
}

function userIn(store: Store, form: URLSearchParams): User {
  const name = nameIn(form)
  const user = store.user(name)
  if (!user) throw notThere(`The user with name ${name}`)
  return user
}

const notThere = (what: string) => new AwsError(404, 'NoSuchEntity', `${what} cannot be found.`)
const timeXml = (at: number) => new Date(at).toISOString()
const userXml = (user: User) => ({
  Path: user.path,
  UserName: user.name,
  UserId: `AIDA${user.name.slice(0, 12).toUpperCase()}`,
  Arn: `arn:aws:iam::${accountId}:user${user.path}${user.name}`,
  CreateDate: timeXml(user.createdAt),
})
