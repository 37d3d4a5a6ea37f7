import { describe, expect, it } from 'vitest'
import { asked, found, said } from './labelled/found.ts'

describe('ING-X-HUMAN', () => {
  it.each([
    'Always run the linter before a commit.',
    'please always run the linter before a commit',
    'Never push to the main branch directly.',
    'From now on write the messages in English.',
    "Don't touch the generated files, ever.",
    'In this repo we keep one component per folder.',
    'We use pnpm instead of npm.',
    'Prefer composition over inheritance in the views.',
    'You should never mock the clock in tests.',
    'Siempre ejecuta las pruebas antes de subir.',
    'A partir de ahora escribe en inglés.',
    'Verwende immer die kleinste Einheit.',
    'Ab sofort bekommt jede Tabelle einen Index.',
    'Dans ce projet on écrit les tests en premier.',
    'Neste projeto usamos datas em UTC sempre.',
    '从现在起所有的提交信息都要用英文来写，不要再用中文写提交信息了。',
  ])('ING-X-HUMAN %s', (text) => {
    expect(found(asked(text))).toMatchObject([{ rule: 'X-HUMAN', type: 'preference', strength: 'strong' }])
  })

  it.each([
    ['Remember that the API allows ten calls a minute.', 'manual'],
    ['remember: we always deploy on Tuesdays at noon', 'preference'],
    ['Recuerda que las claves caducan cada noventa días.', 'manual'],
  ])('ING-X-HUMAN %s ⇒ %s, 0.9', (text, type) => {
    expect(found(asked(text))).toMatchObject([{ type, confidence: 0.9 }])
  })

  it.each([
    'It always crashes when I open the page.',
    'Should we always run the linter?',
    'Never mind the warnings of the compiler.',
    'always use tabs in this file please',
    'we use a hook for this and it crashes on resume',
    'I never said that the page was slow.',
    'The queue never finishes the second album.',
    'Siempre falla el segundo intento del pago.',
    'Do you remember that the API was slow?',
    'Always x.',
    `Always ${'do the same thing again and '.repeat(12)}stop.`,
  ])('ING-X-HUMAN nothing: %s', (text) => {
    expect(found(asked(text), 'X-HUMAN')).toEqual([])
  })

  it('ING-X-HUMAN is for what a person types', () => {
    expect(found(said('Always run the linter before a commit.'), 'X-HUMAN')).toEqual([])
  })
})
