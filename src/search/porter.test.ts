import { describe, expect, it } from 'vitest'
import { foldText, wordsOf } from '../store/index-text.ts'
import { addObservation, openInventedStore } from '../store/testing/invented-store.ts'
import { stem } from './porter.ts'

const suffixes =
  'ational tional enci anci izer logi bli alli entli eli ousli ization ation ator alism iveness fulness ousness aliti iviti biliti ical ness icate iciti ful ative alize al ance ence er ic able ible ant ement ment ent ion ou ism ate iti ous ive ize s es ies sses ed eed ing ated bled ized e ll y'.split(
    ' ',
  )
const letters = Array.from('abcdefghijklmnopqrstuvwxyzstlnrécжüляאक0')

/** A small generator of numbers, the same every time. */
function numbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff
    return (state >> 8) % below
  }
}

function inventedWords(count: number): readonly string[] {
  const next = numbers(9)
  const words = new Set<string>()
  while (words.size < count) {
    const beginning = Array.from({ length: next(7) }, () => letters[next(letters.length)]).join('')
    const end = `${suffixes[next(suffixes.length)]}${next(3) === 0 ? suffixes[next(suffixes.length)] : ''}`
    for (const word of wordsOf(foldText(beginning + end))) words.add(word)
  }
  return [...words]
}

describe('the stemmer', () => {
  it.each([
    ['running', 'run'],
    ['relational', 'relat'],
    ['happy', 'happi'],
    ['caresses', 'caress'],
    ['hopping', 'hop'],
    ['falling', 'fall'],
    ['is', 'is'],
    ['été', 'été'],
  ])('RET-752/%s', (word, expected) => {
    expect(stem(word)).toBe(expected)
  })

  it('RET-752/equals the tokeniser of the index for 12,000 words', async () => {
    const opened = openInventedStore()
    try {
      const words = inventedWords(12_000)
      const terms = await opened.store.write((tx) => {
        for (let from = 0; from < words.length; from += 500) {
          addObservation(tx, { content: words.slice(from, from + 500).join(' '), created_at: 'never' })
        }
        return tx.all<{ term: string }>('SELECT term FROM observation_words').map((row) => row.term)
      })
      const expected = new Set([...words.map(stem), 'fp1', 'fsp'])
      expect(new Set(terms)).toEqual(expected)
    } finally {
      await opened.close()
    }
  })
})
