/** Why a credential was not accepted, for the owner who deposits or verifies it. */
import type { VaultProblem } from '~/domain/vault/check-credential.server'

type CredentialProblem = Extract<VaultProblem, { reason: 'service-refused' }>['problem']
type ProviderErrorDetails = Extract<CredentialProblem, { code: 'provider-error' }>['details']

/** `title` is the service's. */
export function credentialMessage(title: string, problem: CredentialProblem): string {
  switch (problem.code) {
    case 'address-missing':
      return `${title} needs an address, such as https://litellm.example.org.`
    case 'address-not-used':
      return `${title} needs no address. Leave the field empty.`
    case 'not-an-address':
      return 'Enter a valid address, such as https://litellm.example.org.'
    case 'not-https':
      return 'The address must begin with https://. Over http others could read the credential.'
    case 'not-plain':
      return 'Enter the address without a name, a password, ? or #.'
    case 'private-address':
      return 'This Keymint does not call private addresses. Enter a public one.'
    case 'no-database':
      return `This ${title} has no database, so it cannot make keys. Nothing was stored.`
    case 'provider-error':
      return messageForError(title, problem.details)
  }
}

const nothingStored = 'Nothing was stored; check the address, or try again in a minute.'

function messageForError(title: string, details: ProviderErrorDetails): string {
  const status = details.status ? ` (${details.status})` : ''
  switch (details.reason) {
    case 'unauthorized':
      return (
        `${title} does not accept this credential. ` +
        'Check that you copied all of it and that it has not been revoked.'
      )
    case 'forbidden':
      return `${title} accepts this key but it cannot manage keys. Deposit a management key.`
    case 'rate-limited':
      return `${title} limits our requests. Nothing was stored; try again in a minute.`
    case 'unreachable':
      // Something answered, and it was not the service.
      return details.status === undefined
        ? `${title} could not be reached. ${nothingStored}`
        : `There is no ${title} at this address. Nothing was stored.`
    case 'timeout':
    case 'connection-lost':
      return `${title} could not be reached. ${nothingStored}`
    case 'server-error':
    case 'unreadable-answer':
      return `${title} gave an unexpected answer${status}. ${nothingStored}`
    case 'not-found':
      return `There is no ${title} at this address. Nothing was stored.`
    case 'no-credit':
    case 'no-workspace':
    case 'bad-request':
    case 'list-too-large':
    case 'refused':
      return `${title} refused the request. ${details.providerMessage ?? ''} Nothing was stored.`.replace(
        /\s+/g,
        ' ',
      )
  }
}
