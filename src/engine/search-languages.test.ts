import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Input } from '../api/operations.ts'
import type { SearchAnswer } from '../api/search.ts'
import { openTestEngine, type TestEngine } from './testing/test-engine.ts'

let test: TestEngine
const search = (query: string, more: Partial<Input<'memory.search'>> = {}): Promise<SearchAnswer> =>
  test.engine.call('memory.search', { query, project: 'alpha', ...more })

describe('languages', () => {
  beforeAll(async () => {
    test = openTestEngine()
    for (const [language, content] of Object.entries(stored)) {
      await test.engine.call('observation.save', { project: 'alpha', content, title: language, type: language })
    }
  })
  afterAll(() => test.close())

  const stored = {
    English: 'The session token expires early in parseHeader',
    Spanish: 'La sesión caducó después de la actualización en parseHeader',
    German: 'Die Größe der Warteschlange überläuft in parseHeader',
    French: 'Le cache est périmé après la mise à jour dans parseHeader',
    Portuguese: 'A configuração da aplicação não é lida em parseHeader',
    Russian: 'Счётчик очереди переполнен в parseHeader',
    Greek: 'Η ουρά μηνυμάτων γεμίζει γρήγορα στο parseHeader',
    Arabic: 'تَمَّ تَحْدِيثُ قَاعِدَةِ البيانات في parseHeader',
    Hindi: 'सत्र का समय समाप्त हो गया parseHeader में',
    Chinese: '修复了数据库连接池的parseHeader问题',
    Japanese: 'データベース接続の問題をparseHeaderで修正した',
    Korean: '데이터베이스 연결 문제를 parseHeader에서 수정했다',
    Thai: 'แก้ไขปัญหาการเชื่อมต่อฐานข้อมูลใน parseHeader แล้ว',
  }

  it.each([
    ['English', 'token', 'session expires', 'expired'],
    ['Spanish', 'caducó', 'sesión actualización', 'sesion actualizacion'],
    ['German', 'Warteschlange', 'Größe überläuft', 'uberlauft'],
    ['French', 'périmé', 'cache périmé', 'perime'],
    ['Portuguese', 'configuração', 'aplicação lida', 'configuracao aplicacao'],
    ['Russian', 'очереди', 'счётчик переполнен', 'счетчик'],
    ['Greek', 'ουρά', 'μηνυμάτων γρήγορα', 'γρηγορα ουρα'],
    ['Arabic', 'البيانات', 'تَحْدِيثُ البيانات', 'تحديث قاعدة'],
    ['Hindi', 'सत्र', 'समय समाप्त', 'समाप्त'],
    ['Chinese', '数据', '数据库 连接', '连接池'],
    ['Japanese', '接続', 'データベース 修正', 'データベース接続'],
    ['Korean', '데이터베이스', '연결 문제', '데이터베이스의 연결'],
    ['Thai', 'ฐานข้อมูล', 'ปัญหา เชื่อมต่อ', 'การเชื่อมต่อ'],
  ])('RET-801/%s', async (language, word, twoWords, without) => {
    for (const query of [word, twoWords, without, `${word} parseHeader`]) {
      const answer = await search(query)
      expect([query, answer.hits[0]?.type]).toEqual([query, language])
    }
    expect((await search('parse header', { type: language })).hits).toHaveLength(1)
  })

  it('RET-751/what matched is marked in every script', async () => {
    for (const [language, query] of [
      ['Chinese', '数据库'],
      ['Greek', 'ουρα'],
      ['Arabic', 'تحديث'],
      ['Russian', 'счетчик'],
    ] as const) {
      const hit = (await search(query)).hits.find((one) => one.type === language)
      expect([language, hit?.ext.matches.length]).toEqual([language, 1])
    }
  })
})
