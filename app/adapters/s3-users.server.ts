/** The users of IAM that are keys of ours: their access keys, and taking one back with all it has. */
import type { AccessKeyMetadata, IAMClient } from '@aws-sdk/client-iam'
import { isNotFound, ProviderError } from './provider-error'
import { stopCounting } from './s3-traffic.server'

type OpenedIam = typeof import('@aws-sdk/client-iam') & { iam: IAMClient } & Parameters<
    typeof stopCounting
  >[0]

const policyName = 'keymint'
const maxKeyPages = 20

/** All of them: AWS allows two, a server of one's own may allow any number. */
export async function accessKeys(
  { iam, one, ListAccessKeysCommand }: OpenedIam,
  UserName: string,
): Promise<AccessKeyMetadata[]> {
  const all: AccessKeyMetadata[] = []
  let Marker: string | undefined
  for (let pages = 0; pages < maxKeyPages; pages++) {
    const command = new ListAccessKeysCommand({ UserName, ...(Marker ? { Marker } : {}) })
    const answer = await one('ListAccessKeys', listAccessKeys(iam, command))
    all.push(...(answer.AccessKeyMetadata ?? []))
    Marker = answer.IsTruncated ? answer.Marker : undefined
    if (!Marker) return all
  }
  throw new ProviderError({ call: 'ListAccessKeys', kind: 'rejected', reason: 'list-too-large' })
}

/** Whatever of it is left: what is gone already is passed over, so a lost answer is made up for. */
export async function removeUser(
  opened: OpenedIam,
  UserName: string,
  { counted }: { counted: boolean },
): Promise<void> {
  const { iam, one, settings } = opened
  const { DeleteAccessKeyCommand, DeleteUserPolicyCommand, DeleteUserCommand } = opened
  const unlessGone = (work: Promise<unknown>) =>
    work.catch((error: unknown) => {
      if (!isNotFound(error)) throw error
    })
  const keys = await accessKeys(opened, UserName).catch((error: unknown) => {
    if (isNotFound(error)) return []
    throw error
  })
  for (const { AccessKeyId } of keys) {
    const command = new DeleteAccessKeyCommand({ UserName, AccessKeyId })
    await unlessGone(one('DeleteAccessKey', iam.send(command)))
  }
  const policy = new DeleteUserPolicyCommand({ UserName, PolicyName: policyName })
  await unlessGone(one('DeleteUserPolicy', iam.send(policy)))
  if (counted) await stopCounting(opened, settings.bucket ?? '', UserName)
  await unlessGone(one('DeleteUser', iam.send(new DeleteUserCommand({ UserName }))))
}

const listAccessKeys = (
  iam: IAMClient,
  command: InstanceType<(typeof import('@aws-sdk/client-iam'))['ListAccessKeysCommand']>,
) => iam.send(command)
