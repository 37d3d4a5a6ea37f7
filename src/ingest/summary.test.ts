import { describe, expect, it } from 'vitest'
import { Story } from './extract/labelled/builder.ts'
import { summarise } from './summary.ts'

describe('ING-SES-3', () => {
  it('ING-SES-3 tells asked, done, files, checks and ended', () => {
    const story = new Story('shop')
      .human('Fix the basket')
      .edits('src/price.ts', '+x')
      .edits('src/basket.ts', '+x')
      .edits('src/basket.ts', '+y')
      .fails('npm test | tail -5', '1 failed')
      .runs('npm run lint', 'ok')
      .runs('git commit -am "fix: basket"', '[main abc1234] fix: basket')
      .human('and the price')
      .says('**All** done.')
    expect(summarise(story.entries)).toBe(
      [
        'Asked: Fix the basket … and the price',
        'Done: abc1234 fix: basket',
        'Files: src/basket.ts, src/price.ts',
        'Checks: npm test failed',
        'Ended: All done.',
      ].join('\n'),
    )
  })

  it('ING-SES-3 leaves out what there is nothing to say of', () => {
    expect(summarise([])).toBe('')
    expect(summarise(new Story('shop').human('hello').entries)).toBe('Asked: hello')
  })

  it('ING-SES-3 names 12 files at most, then a count', () => {
    const story = new Story('shop')
    for (let index = 0; index < 15; index++) story.edits(`f${index}.ts`, '+x')
    expect(summarise(story.entries)).toMatch(/^Files: (?:f\d+\.ts, ){11}f11\.ts and 3 more$/)
  })

  it('ING-SES-3 stays within 1,500 characters whatever happened', () => {
    const story = new Story('shop').human('x y '.repeat(2_000))
    for (let index = 0; index < 30; index++) {
      story.edits(`${'deep/'.repeat(60)}${index}.ts`, '+x')
      story.runs('git commit -am x', `[main ${'a'.repeat(40)}] ${'subject '.repeat(60)}`)
    }
    const text = summarise(
      story
        .runs(`npm test ${'a.ts '.repeat(500)}`)
        .says('word '.repeat(5_000))
        .human('z '.repeat(900)).entries,
    )
    expect(text.length).toBeLessThanOrEqual(1_500)
    expect(text).toMatch(/^Asked: [^]*\nDone: 24 more, then [^]*\nFiles: [^]* more\nChecks: npm test [^]*\nEnded: /)
  })
})
