import { describe, expect, it } from 'vitest'
import { extract } from './extract.ts'
import { Story } from './labelled/builder.ts'

const budgetMs = 5_000

describe('linear time', () => {
  const mebibyte = 1_048_576
  const pieces = [
    'a',
    '\n',
    '`',
    '*',
    '[a](',
    '# ',
    '1. ',
    '$(',
    '<<A\n',
    '. ',
    '。',
    '```\n',
    'we a ',
    '0',
    'cd a && ',
    'git ',
    'Traceback (most recent call last)\n',
    '[main abc1234] x\n',
    'Decision: we keep the queue of jobs in memory\n\n',
  ]

  it.each(pieces)('ING-EXT-1 a mebibyte of %j wherever a session has text', (piece) => {
    const text = piece.repeat(Math.ceil(mebibyte / piece.length))
    const story = new Story('s')
      .human(text)
      .compacted(`4. Errors and fixes:\n${text}`)
      .fails(`git commit ${text}`, text)
      .says(text)
      .edits('a.ts', `+${text}`)
      .runs(`git commit -m "${text}"`, text)
      .runs(`git commit ${text}`, text)
      .plans(text, true)
      .asks([{ question: text, options: [{ label: text, description: text }] }], { [text]: text })
      .human(text)
    expect(spentMs(story)).toBeLessThan(budgetMs)
  })

  it('ING-EXT-1 thousands of failures open at once, changes and passes', () => {
    const story = new Story('s').human('go')
    for (let index = 0; index < 2_000; index++)
      story.fails(`tool${index} run`, `Error: thing ${index} is broken in a new way`)
    for (let index = 0; index < 2_000; index++)
      story.edits(`f${index}.ts`, '+a', '-b').says('The parser drops the last line of each file.')
    for (let index = 0; index < 2_000; index++) story.runs(`tool${index} run`)
    expect(spentMs(story)).toBeLessThan(budgetMs)
  })
})

function spentMs(story: Story): number {
  const started = performance.now()
  extract(story.entries, { abandoned: new Set(), sidechain: false })
  return performance.now() - started
}
