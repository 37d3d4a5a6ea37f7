import Database from 'better-sqlite3'
import { wordsOf } from '../../src/store/index-text.ts'

/** What anybody gets from FTS5 in ten lines: Porter stems, every word of the question joined by OR, bm25. The baseline. */
export class PlainIndex {
  readonly #db = new Database(':memory:')
  readonly #insert: Database.Statement
  readonly #find: Database.Statement<unknown[], { readonly rowid: number }>

  constructor() {
    this.#db.exec(`CREATE VIRTUAL TABLE plain USING fts5 (title, content, tokenize = 'porter unicode61')`)
    this.#insert = this.#db.prepare('INSERT OR REPLACE INTO plain (rowid, title, content) VALUES (?, ?, ?)')
    this.#find = this.#db.prepare('SELECT rowid FROM plain WHERE plain MATCH ? ORDER BY bm25(plain), rowid LIMIT 100')
  }

  add(id: number, title: string, content: string): void {
    this.#insert.run(BigInt(id), title, content)
  }

  find(question: string): readonly number[] {
    const words = [...new Set(wordsOf(question.toLowerCase()))]
    if (words.length === 0) return []
    return this.#find.all(words.map((word) => `"${word}"`).join(' OR ')).map((row) => row.rowid)
  }

  close(): void {
    this.#db.close()
  }
}
