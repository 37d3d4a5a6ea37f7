import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { extractLearnings } from './learnings.ts'

const first = 'The cache must be warmed before the first request'
const second = 'Retries need a jitter or every client comes back at once'

describe('MEM-309 headers', () => {
  const accepted = [
    '## Key Learnings',
    '### Key Learnings:',
    '## Key Learning',
    '## Learnings',
    '### LEARNINGS:',
    '## Aprendizajes',
    '## Aprendizajes Clave:',
    '##   key   learnings  ',
  ]
  it.each(accepted)('MEM-309 reads %s', (header) => {
    expect(extractLearnings(`Done.\n\n${header}\n\n- ${first}\n`)).toEqual([first])
  })

  const refused = [
    '# Key Learnings',
    '#### Learnings',
    'Key Learnings:',
    '## Key Learnings of today',
    '##Learnings',
    '- ## Learnings',
  ]
  it.each(refused)('MEM-309 does not read %s', (header) => {
    expect(extractLearnings(`${header}\n- ${first}\n`)).toEqual([])
  })
})

describe('MEM-309 items', () => {
  const section = (body: string): string[] => extractLearnings(`## Learnings\n${body}`)
  it.each([
    ['numbered with a dot', `1. ${first}\n2. ${second}`, [first, second]],
    ['numbered with a parenthesis', `1) ${first}\n2) ${second}`, [first, second]],
    ['dashes', `- ${first}\n- ${second}`, [first, second]],
    ['stars and indentation', `  * ${first}\n\t* ${second}`, [first, second]],
    ['numbers win over bullets', `- ${second}\n1. ${first}`, [first]],
    ['bullets when no number is long enough', `1. too short\n- ${first}`, [first]],
    ['marks removed', `- **The cache** must be \`warmed\` before the *first* request`, [first]],
    [
      'an unpaired mark stays',
      '- The glob **/x.ts matches more than you think',
      ['The glob **/x.ts matches more than you think'],
    ],
    ['carriage returns', `- ${first}\r\n- ${second}\r`, [first, second]],
    ['under 20 characters', '- a b c d e f', []],
    ['under 4 words', '- internationalisation considerations matter', []],
    ['ends at the next header', `- ${first}\n# Next\n- ${second}`, [first]],
    ['a fourth-level header does not end it', `- ${first}\n#### Detail\n- ${second}`, [first, second]],
    ['plain paragraphs', first, []],
  ])('MEM-309 %s', (_name, body, expected) => {
    expect(section(body)).toEqual(expected)
  })

  it('MEM-309 the last section with items counts', () => {
    const text = `## Learnings\n- ${first}\n## Key Learnings\n- ${second}\n## Learnings\nnothing listed\n`
    expect(extractLearnings(text)).toEqual([second])
  })

  it('MEM-309 counts code points, not UTF-16 units', () => {
    expect(section(`- ${'😀'.repeat(5)} a b c`)).toEqual([])
  })

  it('MEM-309 never throws and gives only long enough items', () => {
    const line = fc.oneof(fc.constantFrom('## Learnings', '# X', '1. ', '- ', '**', '`', '\r'), fc.string())
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        for (const item of extractLearnings(lines.join('\n')))
          expect(Array.from(item).length).toBeGreaterThanOrEqual(20)
      }),
    )
  })

  it.each(['*', '`', '#', '1. ', '\n', '## Learnings\n', '- *'])(
    'MEM-309 stays linear on a megabyte of %j',
    (piece) => {
      const started = performance.now()
      extractLearnings(`## Learnings\n- ${piece.repeat(1_048_576 / piece.length)}`)
      expect(performance.now() - started).toBeLessThan(1_000)
    },
  )
})
