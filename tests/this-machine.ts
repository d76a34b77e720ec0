/** The networks in which the stand-ins run: this machine's loopback alone. */
import { parseNetwork } from '~/networks'

export const thisMachine = ['127.0.0.0/8', '::1/128'].map((text) => parseNetwork(text)!)
