import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hasCodeToken, refusal, strengthOf, verdictOf, weigh } from './gate.ts'
import type { Refusal, Verdict } from './gate.ts'

describe('ING-EXT-1 gates', () => {
  it.each<[Refusal | null, string]>([
    [null, 'The worker takes one job at a time.'],
    [null, '工作进程一次只处理一个任务，完成后才会取下一个任务来做。'],
    ['short', 'One job at once.'],
    ['short', 'Internationalisation considerations'],
    ['symbols', '{"a": 1, "b": [2, 3], "c": {"d": 45}}'],
    ['question', 'Should the worker take one job at a time?'],
    ['question', '**Should the worker take one job?**'],
    ['redacted', 'The key is [REDACTED:github] and the other [REDACTED:aws] now'],
    [null, 'The deploy key [REDACTED:github] may only read, because the runner is shared by everybody.'],
    ['step', 'Let me look at the worker and its tests.'],
    ['step', "Now I'll change the worker. Let me run the tests."],
    ['step', 'Voy a revisar el controlador de pagos ahora.'],
    [null, "I'll change the worker. It takes two jobs at once."],
    ['courtesy', 'Great question about the worker of jobs!'],
    ['courtesy', "You're absolutely right about the worker."],
    ['courtesy', 'Sorry for the confusion about the worker.'],
  ])('ING-EXT-1 %s: %s', (expected, text) => {
    expect(refusal(text)).toBe(expected)
  })

  it('ING-EXT-1 lets a question through where one is asked for', () => {
    expect(refusal('Should the worker take one job at a time?', { asks: true })).toBeNull()
  })

  it('ING-EXT-1 never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => refusal(text) === null || typeof refusal(text) === 'string'),
    )
  })
})

describe('ING-EXT-1 what the person says next', () => {
  it.each<[Verdict, string]>([
    ['contradicted', 'no, use tabs'],
    ['contradicted', 'No that breaks the build'],
    ['contradicted', 'wrong file'],
    ['contradicted', "that's not what I asked for"],
    ['contradicted', 'That’s not it'],
    ['contradicted', 'it still fails'],
    ['contradicted', "doesn't work"],
    ['contradicted', "hmm, it doesn't work"],
    ['contradicted', 'revert that please'],
    ['contradicted', 'no, eso no es así'],
    ['contradicted', 'sigue fallando'],
    ['contradicted', 'nein, anders'],
    ['contradicted', 'geht immer noch nicht'],
    ['contradicted', "non, ce n'est pas ça"],
    ['contradicted', 'não, está errado'],
    ['contradicted', '不对，还是报错'],
    ['confirmed', 'yes'],
    ['confirmed', 'works!'],
    ['confirmed', 'Perfect, thanks'],
    ['confirmed', 'gracias'],
    ['confirmed', 'ja, passt'],
    ['confirmed', 'merci'],
    ['confirmed', '谢谢'],
    ['none', 'yes, but the second one fails'],
    ['none', 'no problem, go on'],
    ['none', 'now the next one'],
    ['none', 'notice the header'],
    ['none', 'stillness is a theme we support'],
    ['none', 'usa pnpm'],
    ['none', ''],
  ])('ING-EXT-1 %s: %s', (expected, text) => {
    expect(verdictOf(text)).toBe(expected)
  })
})

describe('ING-EXT-1 adjustments', () => {
  const judged = 'The worker takes one job at a time'
  it.each([
    [0.65, { base: 0.65, judged, verdict: 'none' }],
    [0.7, { base: 0.65, judged: 'The worker calls `take` once', verdict: 'none' }],
    [0.45, { base: 0.65, judged: 'The worker probably takes one job', verdict: 'none' }],
    [0.45, { base: 0.65, judged: 'Vielleicht nimmt der Arbeiter einen Auftrag', verdict: 'none' }],
    [0.35, { base: 0.65, judged, verdict: 'contradicted' }],
    [0.7, { base: 0.65, judged, verdict: 'confirmed' }],
    [0.75, { base: 0.75, judged: null, verdict: 'none' }],
    [0.95, { base: 0.9, judged: 'remember `take`', verdict: 'confirmed' }],
    [0, { base: 0.4, judged: 'maybe the worker', verdict: 'contradicted' }],
  ] as const)('ING-EXT-1 gives %d for %j', (expected, weighing) => {
    expect(weigh(weighing)).toBe(expected)
  })

  it.each([
    [null, 0.49],
    ['weak', 0.5],
    ['weak', 0.69],
    ['strong', 0.7],
  ])('ING-EXT-1 %s at %d', (expected, confidence) => {
    expect(strengthOf(confidence)).toBe(expected)
  })

  it.each([
    '`x`',
    'src/a.ts',
    'main.rs',
    'max_rows',
    'maxRows',
    'TileCache',
    '--force',
    'take()',
    'Cache::get',
    'Mix.Task.run()',
  ])('ING-EXT-1 %s is a code token', (word) => {
    expect(hasCodeToken(`The worker uses ${word} twice`)).toBe(true)
  })

  it.each(['and/or', 'e.g.', 'CI/CD', 'word.', '(aside)', '-', 'GitHub'.toLowerCase(), '3.14', 'well-known'])(
    'ING-EXT-1 %s is none',
    (word) => {
      expect(hasCodeToken(`The worker uses ${word} twice`)).toBe(false)
    },
  )
})
