/** The code on the wall leads where it says, with the quiet zone that cameras need. */
import { encode } from 'uqr'
import { expect, test } from 'vitest'
import { qrCodeOf } from './wall.server'

test('the path of a code covers exactly the black squares, with four white ones around', () => {
  const text = 'https://keymint.example.org/w/duckdb-agents'
  const { size, path } = qrCodeOf(text)
  const { data } = encode(text, { ecc: 'M', border: 4 })
  const drawn = data.map((row) => row.map(() => false))
  for (const [, x, y, width] of path.matchAll(/M(\d+) (\d+)h(\d+)v1h-\d+z/g))
    for (let at = Number(x); at < Number(x) + Number(width); at++) drawn[Number(y)]![at] = true
  expect(drawn).toEqual(data)
  expect(data).toHaveLength(size)
  const edge = [0, 1, 2, 3, size - 4, size - 3, size - 2, size - 1]
  for (const at of edge) {
    expect(drawn[at]).not.toContain(true)
    expect(drawn.map((row) => row[at])).not.toContain(true)
  }
})
