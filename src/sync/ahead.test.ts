import { describe, expect, it } from 'vitest'
import { Ahead } from './ahead.ts'

describe('CHK-603', () => {
  it('CHK-603 those behind the present one are looked at before it is given, each once and in order', async () => {
    const looked: string[] = []
    const ahead = new Ahead(['a', 'b', 'c', 'd'], 2, async (item) => {
      await Promise.resolve()
      looked.push(item)
      return item.toUpperCase()
    })
    expect([await ahead.take(0), [...looked]]).toEqual(['A', ['a', 'b', 'c']])
    expect([await ahead.take(1), [...looked]]).toEqual(['B', ['a', 'b', 'c', 'd']])
    expect([await ahead.take(2), await ahead.take(3), looked.length]).toEqual(['C', 'D', 4])
  })

  it('CHK-603 what fails about one fails in its turn, and those around it are given', async () => {
    const ahead = new Ahead([1, 2, 3], 2, (item) =>
      item === 2 ? Promise.reject(new Error('gone')) : Promise.resolve(item),
    )
    expect(await ahead.take(0)).toBe(1)
    await expect(ahead.take(1)).rejects.toThrow('gone')
    expect(await ahead.take(2)).toBe(3)
  })
})
