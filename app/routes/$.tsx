import { handler, notFound } from '~/web/handler.server'

export const loader = handler(async () => {
  throw notFound()
})

export const action = loader

export default function NothingHere() {
  return null
}
