import { describe, expect, it } from 'vitest'
import { asked, found, said, titles } from './labelled/found.ts'

describe('ING-X-DECL', () => {
  const text = 'the cache was keyed by number alone'
  it.each([
    [`Root cause: ${text}`, 'root_cause'],
    [`**Root cause**: ${text}`, 'root_cause'],
    [`**Root cause:** ${text}`, 'root_cause'],
    [`- **Root cause** — ${text}`, 'root_cause'],
    [`## Root cause\n\n${text}`, 'root_cause'],
    [`**Root cause**\n${text}`, 'root_cause'],
    [`### 3. Decision\n${text}`, 'decision'],
    [`Decision (final): ${text}`, 'decision'],
    [`Decided: ${text}`, 'decision'],
    [`Cause: ${text}`, 'root_cause'],
    [`Fix: ${text}`, 'bugfix'],
    [`Solution: ${text}`, 'solution'],
    [`Workaround for old clients: ${text}`, 'solution'],
    [`Gotcha: ${text}`, 'discovery'],
    [`Pitfall: ${text}`, 'discovery'],
    [`Lesson: ${text}`, 'discovery'],
    [`Convention: ${text}`, 'pattern'],
    [`Rule: ${text}`, 'pattern'],
    ['Open question: should the cache be keyed by carrier?', 'question'],
    ['Procedure:\n1. stop the old worker process\n2. start the new worker process', 'procedure'],
    ['## How to rotate the keys\n1. make a new key pair\n2. publish its public half', 'procedure'],
    ['Decisión: la caché usa el número y la agencia', 'decision'],
    ['Ursache: der Schlüssel bestand nur aus der Nummer', 'root_cause'],
    ['Règle : chaque appel porte un délai maximal fixe', 'pattern'],
    ['Solução: a chave inclui o número e a agência', 'solution'],
    ['根本原因：缓存键只包含包裹编号，没有包含承运商的名字，所以会串号。', 'root_cause'],
  ])('ING-X-DECL %j ⇒ %s', (message, type) => {
    expect(found(said(message), 'X-DECL')).toMatchObject([{ type, strength: 'strong' }])
  })

  it.each([
    'Root cause: unknown',
    'Fix the cache that was keyed by number alone',
    'The rule: every job is acknowledged only once',
    'Procedure: restart the worker and hope for the best',
    '> Root cause: the cache was keyed by number alone',
    '```\nRoot cause: the cache was keyed by number alone\n```',
    "Fix: I'll change the cache to be keyed by carrier",
    'Solution: should the cache be keyed by carrier?',
    'Prefix: the cache was keyed by number alone',
  ])('ING-X-DECL nothing: %j', (message) => {
    expect(found(said(message), 'X-DECL')).toEqual([])
  })

  it('ING-X-DECL items below a plural are statements of their own, below a singular one statement', () => {
    const items = '- jobs are kept for ninety days\n- mails leave through one relay only'
    expect(titles(said(`## Decisions\n${items}`), 'X-DECL')).toEqual([
      'jobs are kept for ninety days',
      'mails leave through one relay only',
    ])
    expect(found(said(`Decision:\n${items}`), 'X-DECL').map(({ content }) => content)).toEqual([`Decision: ${items}`])
  })

  it('ING-X-DECL a person lays down decisions and rules; what they ask to be fixed is a request', () => {
    expect(titles(asked('Rule: every job is acknowledged exactly once'), 'X-DECL')).toHaveLength(1)
    expect(found(asked('Fix: the header is too large on small screens'))).toEqual([])
  })
})
