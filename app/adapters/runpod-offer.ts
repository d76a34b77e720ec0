/** What RunPod offers through Keymint: its capabilities, fields, options and words. */
import type { ServiceCapabilities } from './service-adapter'

export const title = 'RunPod'
export const defaultImage = 'runpod/pytorch:2.4.0-py3.11-cuda12.4.1-devel-ubuntu22.04'
export const defaultProxy = 'https://{pod}-8888.proxy.runpod.net/'

const gpus = [
  ['NVIDIA RTX A4000', 'RTX A4000, 16 GB'],
  ['NVIDIA GeForce RTX 4090', 'RTX 4090, 24 GB'],
  ['NVIDIA L40S', 'L40S, 48 GB'],
  ['NVIDIA A100 80GB PCIe', 'A100, 80 GB'],
  ['NVIDIA H100 80GB HBM3', 'H100, 80 GB'],
] as const

export const capabilities: ServiceCapabilities = {
  capBy: 'keymint',
  expiryBy: 'keymint',
  resets: [],
  modelList: 'none',
  rotation: false,
  keepsTotal: true,
  // Who has used a machine may hold a key that starts it again: only deleting stops its costs.
  end: 'delete',
  readEverySeconds: 60,
  settleSeconds: 600,
  fields: [
    { name: 'secret', label: 'RunPod API key', kind: 'secret', required: true },
    {
      name: 'image',
      label: 'Image',
      hint: 'The container image of every machine. It must start Jupyter on port 8888.',
      kind: 'text',
      required: false,
      initial: defaultImage,
    },
    {
      name: 'baseUrl',
      label: 'Address (optional)',
      hint: 'Leave empty for RunPod itself.',
      kind: 'address',
      required: false,
    },
    {
      name: 'proxy',
      label: 'Address of a machine',
      hint: 'How its page is reached; {pod} stands for its id.',
      kind: 'text',
      required: false,
      initial: defaultProxy,
    },
  ],
  options: [
    {
      name: 'gpu',
      label: 'GPU',
      choices: gpus.map(([value, label]) => ({ value, label })),
    },
    {
      name: 'cloud',
      label: 'Where',
      choices: [
        { value: 'SECURE', label: 'secure cloud' },
        { value: 'COMMUNITY', label: 'community cloud, cheaper' },
      ],
    },
  ],
  texts: {
    noun: 'machine',
    gets: 'A machine with one GPU and a Jupyter page, paid by the hour while it exists.',
    atCap:
      'Keymint ends the machine at its cap, by what it costs an hour. ' +
      'RunPod does not know the cap: while Keymint is down the machine runs on.',
    remains: 'Everything on the machine is deleted when it ends.',
    remained: 'Everything on the machine is deleted.',
  },
  unit: 'usd',
}
