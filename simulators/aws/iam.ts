/** The Query API of IAM and STS, as far as Keymint uses it. */
import { randomUUID } from 'node:crypto'
import { maxPolicyLength, parsePolicy, policyLength } from './policy.ts'
import { makeAccessKey, policyName, presentKeys, statusOf, type Store, type User } from './store.ts'
import { AwsError, element, type Xml } from './xml.ts'

export type IamCall = {
  store: Store
  now: number
  form: URLSearchParams
  /** The access key that signed. */
  by: string
}
type Handler = (call: IamCall) => Promise<Xml> | Xml

const accountId = '123456789012'
const maxUsers = 5_000

const actions: Record<string, Handler> = {
  async CreateUser({ store, now, form }) {
    const name = nameIn(form)
    const path = form.get('Path') ?? '/'
    if (!/^\/([\x21-\x7e]+\/)?$/.test(path) || path.length > 512)
      throw new AwsError(400, 'ValidationError', 'The specified value for path is invalid.')
    const boundary = form.get('PermissionsBoundary')
    if (boundary !== null && !/^arn:aws:iam::(\d{12}|aws):policy\/[\w+=,.@/-]+$/.test(boundary))
      throw new AwsError(400, 'ValidationError', 'The permissions boundary is not an ARN.')
    // Names differ by more than their case.
    if (presentUsers(store).some((user) => user.name.toLowerCase() === name.toLowerCase()))
      throw new AwsError(409, 'EntityAlreadyExists', `User with name ${name} already exists.`)
    if (presentUsers(store).length >= maxUsers)
      throw new AwsError(409, 'LimitExceeded', 'Cannot exceed quota for UsersPerAccount: 5000')
    const user: User = {
      name,
      path,
      createdAt: now,
      boundary,
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
    const name = policyNameIn(form)
    const document = form.get('PolicyDocument') ?? ''
    const others = policiesOf(user).filter((one) => one.name !== name)
    const length = [document, ...others.map((one) => one.document)]
      .map(policyLength)
      .reduce((sum, one) => sum + one, 0)
    if (length > maxPolicyLength)
      throw new AwsError(
        409,
        'LimitExceeded',
        `Maximum policy size of ${maxPolicyLength} bytes exceeded for user ${user.name}`,
      )
    const policy = parsePolicy(document)
    if (!policy)
      throw new AwsError(400, 'MalformedPolicyDocument', 'This stand-in does not take this policy.')
    const policies = [...user.policies, { at: now, name, document, policy }]
    await store.record({ type: 'user', user: { ...user, policies } })
    return {}
  },
  GetUserPolicy({ store, form }) {
    const user = userIn(store, form)
    const { name, document } = policyIn(user, form)
    return {
      UserName: user.name,
      PolicyName: name,
      PolicyDocument: encodeURIComponent(document),
    }
  },
  ListUserPolicies({ store, form }) {
    const names = policiesOf(userIn(store, form)).map(({ name }) => name)
    const { page, more } = pageOf(names, form, (name) => name)
    return { PolicyNames: { member: page }, ...more }
  },
  async DeleteUserPolicy({ store, now, form }) {
    const user = userIn(store, form)
    const { name } = policyIn(user, form)
    const policies = [...user.policies, { at: now, name, document: '', policy: null }]
    await store.record({ type: 'user', user: { ...user, policies } })
    return {}
  },
  async CreateAccessKey({ store, now, form }) {
    const user = userIn(store, form)
    const max = store.maxAccessKeys
    if (presentKeys(user).length >= max)
      throw new AwsError(409, 'LimitExceeded', `Cannot exceed quota for AccessKeysPerUser: ${max}`)
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
    const { page, more } = pageOf(presentKeys(user), form, ({ id }) => id)
    return {
      AccessKeyMetadata: {
        member: page.map((key) => ({
          UserName: user.name,
          AccessKeyId: key.id,
          Status: statusOf(key),
          CreateDate: timeXml(key.states[0]?.at ?? user.createdAt),
        })),
      },
      ...more,
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
    if (policiesOf(user).length > 0)
      throw new AwsError(409, 'DeleteConflict', 'Cannot delete entity, must delete policies first.')
    await store.record({ type: 'user', user: { ...user, deleted: true } })
    return {}
  },
  ListUsers({ store, form }) {
    const prefix = form.get('PathPrefix') ?? '/'
    if (!/^\/[\x21-\x7e]{0,511}$/.test(prefix))
      throw new AwsError(400, 'ValidationError', 'The specified value for pathPrefix is invalid.')
    const users = presentUsers(store).filter((user) => user.path.startsWith(prefix))
    const { page, more } = pageOf(users, form, ({ name }) => name)
    return { Users: { member: page.map(userXml) }, ...more }
  },
}

const presentUsers = (store: Store) => [...store.users.values()].filter((user) => !user.deleted)

/** A page goes on after the last one's name, whatever came or went meanwhile. */
function pageOf<T>(
  all: readonly T[],
  form: URLSearchParams,
  nameOf: (one: T) => string,
): { page: T[]; more: { IsTruncated: boolean; Marker?: string } } {
  const asked = form.get('MaxItems') ?? '100'
  if (!/^\d{1,4}$/.test(asked) || Number(asked) < 1 || Number(asked) > 1_000)
    throw new AwsError(400, 'ValidationError', 'MaxItems must be from 1 to 1000.')
  const marker = form.get('Marker')
  const after = marker === null ? '' : Buffer.from(marker, 'base64url').toString('utf8')
  if (marker !== null && Buffer.from(after).toString('base64url') !== marker)
    throw new AwsError(400, 'InvalidInput', 'The marker is not one of a list.')
  const left = all
    .filter((one) => nameOf(one) > after)
    .sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
  const page = left.slice(0, Number(asked))
  const last = page.at(-1)
  return {
    page,
    more:
      left.length > page.length && last !== undefined
        ? { IsTruncated: true, Marker: Buffer.from(nameOf(last)).toString('base64url') }
        : { IsTruncated: false },
  }
}

/** The policies that IAM still lists. */
function policiesOf(user: User): { name: string; document: string }[] {
  const known = new Map<string, string | null>()
  for (const one of user.policies) known.set(policyName(one), one.policy && one.document)
  return [...known].flatMap(([name, document]) => (document === null ? [] : [{ name, document }]))
}

function policyIn(user: User, form: URLSearchParams): { name: string; document: string } {
  const name = policyNameIn(form)
  const found = policiesOf(user).find((one) => one.name === name)
  if (!found) throw notThere(`The user policy with name ${name}`)
  return found
}

function policyNameIn(form: URLSearchParams): string {
  const name = form.get('PolicyName') ?? ''
  if (!/^[\w+=,.@-]{1,128}$/.test(name))
    throw new AwsError(400, 'ValidationError', 'The specified value for policyName is invalid.')
  return name
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

/** IAM is for the account's own key; an ordinary one is denied, and may ask STS who it is. */
export async function answerIam(call: IamCall): Promise<string> {
  const { form, store, by } = call
  const action = form.get('Action') ?? ''
  const version = form.get('Version') ?? ''
  const isSts = action === 'GetCallerIdentity'
  if (version !== (isSts ? '2011-06-15' : '2010-05-08'))
    throw new AwsError(
      400,
      'InvalidAction',
      `Could not find operation ${action} for version ${version || 'NO_VERSION_SPECIFIED'}`,
    )
  const owner = store.keyOwner(by)?.user
  if (isSts)
    return wrapped(action, {
      Arn: owner ? userXml(owner).Arn : `arn:aws:iam::${accountId}:root`,
      UserId: owner ? userXml(owner).UserId : accountId,
      Account: accountId,
    })
  if (by !== store.root.id)
    throw new AwsError(403, 'AccessDenied', `User is not authorized to perform: iam:${action}`)
  const handler = Object.hasOwn(actions, action) ? actions[action] : undefined
  if (!handler)
    throw new AwsError(
      400,
      'InvalidAction',
      `Could not find operation ${action} for version ${version}`,
    )
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
