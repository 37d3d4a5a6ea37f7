import type { Migration } from '../migrate.ts'

const tokenizer = (stemmer: string): string =>
  `tokenize="${stemmer}unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'"`

/**
 * Full text (RET-101, RET-207): contentless, so that no text is stored twice; every row is derived and may be dropped
 * and rebuilt. `observation_context` notes whose text stands in which row (RET-204).
 */
export const index: Migration = {
  version: 2,
  name: 'index',
  up: (database) => {
    database.exec(`
      CREATE VIRTUAL TABLE observation_fts USING fts5 (
        facet, title, content, keys, before, after, day,
        content='', contentless_delete=1, ${tokenizer('porter ')}
      );
      CREATE VIRTUAL TABLE observation_grams USING fts5 (
        facet, grams,
        content='', contentless_delete=1, ${tokenizer('')}
      );
      CREATE VIRTUAL TABLE prompt_fts USING fts5 (
        facet, content, before, day,
        content='', contentless_delete=1, ${tokenizer('porter ')}
      );
      CREATE VIRTUAL TABLE observation_words USING fts5vocab (observation_fts, row);
      CREATE VIRTUAL TABLE observation_gram_words USING fts5vocab (observation_grams, row);
      CREATE TABLE observation_context (
        used_id INTEGER NOT NULL, row_id INTEGER NOT NULL,
        PRIMARY KEY (used_id, row_id)
      ) WITHOUT ROWID;
      CREATE INDEX observation_context_by_row ON observation_context (row_id);
      CREATE TABLE index_state (
        kind TEXT PRIMARY KEY, cursor INTEGER NOT NULL, built_with TEXT NOT NULL
      ) WITHOUT ROWID;
      CREATE TABLE project_authors (
        project TEXT NOT NULL, author TEXT NOT NULL,
        PRIMARY KEY (project, author)
      ) WITHOUT ROWID;
    `)
  },
}
