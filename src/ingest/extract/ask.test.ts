import { describe, expect, it } from 'vitest'
import { extract } from './extract.ts'
import { Story } from './labelled/builder.ts'
import { found } from './labelled/found.ts'

describe('ING-X-ASK', () => {
  const question = {
    question: 'Which store holds the jobs?',
    options: [
      { label: 'Postgres', description: 'Already there' },
      { label: 'Redis', description: 'Fast' },
    ],
  }

  it('ING-X-ASK question, answer with its option text, options not taken', () => {
    const [candidate] = found(new Story('s').asks([question], { [question.question]: 'Postgres' }))
    expect(candidate).toMatchObject({
      rule: 'X-ASK',
      type: 'decision',
      confidence: 0.85,
      title: 'Which store holds the jobs? → Postgres',
    })
    expect(candidate?.content).toBe(
      '**Question** Which store holds the jobs?\n**Answer** Postgres: Already there\n**Not taken** Redis: Fast',
    )
  })

  it('ING-X-ASK reads the answers from the text when there is no table', () => {
    const second = { question: 'How many "workers"?', options: [] }
    const story = new Story('s').asks([question, second], {})
    const entries = story.entries.map((entry) =>
      entry.kind === 'result'
        ? {
            ...entry,
            answers: null,
            text: 'Answered: "Which store holds the jobs?"="Redis", "How many "workers"?"="Two of them". Go on.',
          }
        : entry,
    )
    const { candidates } = extract(entries, { abandoned: new Set(), sidechain: false })
    expect(candidates.map(({ title }) => title)).toEqual([
      'Which store holds the jobs? → Redis',
      'How many "workers"? → Two of them',
    ])
  })

  it.each([
    ['not answered', { question: 'Which store holds the jobs?', options: [] }, {}],
    [
      'leave to go on',
      { question: 'Should I proceed with the plan?', options: [] },
      { 'Should I proceed with the plan?': 'Yes, please do' },
    ],
    ['a name every object has', { question: 'constructor', options: [] }, {}],
  ])('ING-X-ASK nothing: %s', (_name, one, answers) => {
    expect(found(new Story('s').asks([one], answers))).toEqual([])
  })

  it('ING-X-ASK a long question gives way to the answer in the title', () => {
    const long = { question: `Which of the many stores ${'we looked at '.repeat(10)}holds the jobs?`, options: [] }
    const [candidate] = found(new Story('s').asks([long], { [long.question]: 'Postgres' }))
    expect(candidate?.title).toMatch(/… → Postgres$/)
    expect(Array.from(candidate?.title ?? '').length).toBeLessThanOrEqual(80)
  })
})
