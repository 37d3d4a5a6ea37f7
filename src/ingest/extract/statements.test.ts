import { describe, expect, it } from 'vitest'
import { Story } from './labelled/builder.ts'
import { found, said } from './labelled/found.ts'

describe('ING-X-CHOICE, X-CAUSE, X-LEARN, X-PLAN, X-COMPACT', () => {
  it.each([
    'We decided to keep one process because the state lives in memory.',
    'I went with short cookies, since they can be revoked.',
    'The index uses trigrams instead of words so that compounds are found.',
    'We chose polling over there, as interrupts don’t reach the guest.',
    'Elegimos Postgres en lugar de RabbitMQ porque ya hay copias.',
    'Wir haben auf Zstandard umgestellt, weil Snappy größer ist.',
  ])('ING-X-CHOICE %s', (text) => {
    expect(found(said(text))).toMatchObject([{ rule: 'X-CHOICE', type: 'decision' }])
  })

  it.each([
    'We decided to keep one process.',
    'It is slow because the state lives in memory.',
    'If we had chosen cookies, logout would be easy because they expire.',
    "I'll use grep instead of find because it is faster.",
    'We switched to the new branch since yesterday evening.',
  ])('ING-X-CHOICE nothing: %s', (text) => {
    expect(found(said(text))).toEqual([])
  })

  const failed = (): Story => new Story('s').human('go').fails('npm run build', 'Error: the bundle is not valid')
  it('ING-X-CAUSE after a failure in the same turn, with a code token', () => {
    const text = 'It turns out that `rollup` keeps the old chunk names.'
    expect(found(failed().says(text))).toMatchObject([
      { rule: 'X-CAUSE', type: 'discovery', confidence: 0.6, strength: 'weak' },
    ])
    expect(found(said(text))).toEqual([])
    expect(found(failed().human('and now?').says(text))).toEqual([])
    expect(found(failed().interrupted().says(text))).toEqual([])
    expect(found(failed().says('It turns out that the bundler keeps old names.'))).toEqual([])
    expect(found(failed().says('The issue is now fixed in `rollup`, all is well.'))).toEqual([])
  })

  it('ING-X-LEARN every message counts', () => {
    const section = (item: string): string => `## Key Learnings\n- ${item}`
    const story = said(section('The queue must be drained before the deploy')).says(
      section('Old mails keep their first identifier'),
    )
    expect(found(story)).toMatchObject([
      { rule: 'X-LEARN', type: 'passive', confidence: 0.85 },
      { rule: 'X-LEARN', title: 'Old mails keep their first identifier' },
    ])
  })

  it('ING-X-PLAN approved and not empty', () => {
    const plan = `Intro.\n\n# Drain before deploy\n\n${'Stop taking jobs, finish what runs, exit. '.repeat(60)}`
    const [candidate] = found(new Story('s').plans(plan, true))
    expect(candidate).toMatchObject({ rule: 'X-PLAN', type: 'decision', confidence: 0.7, title: 'Drain before deploy' })
    expect(candidate?.content.length).toBeLessThanOrEqual(1_500)
    expect(found(new Story('s').plans(plan, false))).toEqual([])
    expect(found(new Story('s').plans('  ', true))).toEqual([])
  })

  it.each([
    [
      'numbered sections',
      '4. Errors and fixes:\n   - **Stale index**: rebuilt it after each import of data.\n     It was empty.\n\n5. Problem Solving:\n   - **Finding it**: two snapshots compared side by side.\n\n6. All user messages:\n   - **x**: this is what the person wrote',
    ],
    [
      'headings',
      '## Errors & Fixes\n- **Stale index**: rebuilt it after each import of data.\n  It was empty.\n## Problem Solving\n- **Finding it**: two snapshots compared side by side.\n## Next\n- **x**: this is what the person wrote',
    ],
  ])('ING-X-COMPACT %s', (_name, summary) => {
    expect(found(new Story('s').compacted(summary))).toMatchObject([
      {
        rule: 'X-COMPACT',
        type: 'bugfix',
        title: 'Stale index',
        content: '**Stale index**: rebuilt it after each import of data. It was empty.',
      },
      { rule: 'X-COMPACT', type: 'pattern', title: 'Finding it' },
    ])
  })

  it('ING-X-COMPACT bullets without a bold label are none', () => {
    expect(found(new Story('s').compacted('4. Errors and fixes:\n - rebuilt the index after each import'))).toEqual([])
  })
})
