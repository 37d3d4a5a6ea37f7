import type { Migration } from '../../../src/store/migrate.ts'

export const rowsToMigrate = 30_000

/** Two steps; the second takes long enough to be killed in the middle. */
export const slowMigrations = (count: number): Migration[] =>
  [
    {
      version: 1,
      name: 'old',
      up: (db) => {
        db.exec('CREATE TABLE old (id INTEGER PRIMARY KEY, text TEXT)')
        for (let n = 0; n < rowsToMigrate; n++) db.run('INSERT INTO old (text) VALUES (?)', `text ${n}`)
      },
    } satisfies Migration,
    {
      version: 2,
      name: 'new',
      up: (db) => {
        db.exec('CREATE TABLE new (id INTEGER PRIMARY KEY, text TEXT)')
        for (const row of db.all<{ text: string }>('SELECT text FROM old'))
          db.run('INSERT INTO new (text) VALUES (?)', row.text)
      },
    } satisfies Migration,
  ].slice(0, count)
