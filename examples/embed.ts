import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
// In your own program: import { openEngine } from 'engram'
import { openEngine } from '../src/index.ts'

/** Memory inside your own program: no server, no command line, one file. */
const dataDir = mkdtempSync(join(tmpdir(), 'engram-embed-'))
const engram = await openEngine({ dataDir })
const { caller } = engram

const saved = await caller.call('observation.save', {
  project: 'orchard',
  type: 'decision',
  title: 'Rate limits are counted in SQLite',
  content: 'The service runs on one machine, so the counters live in the file it already has.',
  topic_key: 'architecture/rate-limits',
})
assert.equal(saved.outcome, 'created')

// Saving under the same topic revises: the text before is kept as a version.
const revised = await caller.call('observation.save', {
  project: 'orchard',
  type: 'decision',
  title: 'Rate limits are counted in SQLite',
  content: 'Counters live in a table of their own; thirty requests per minute and client.',
  topic_key: 'architecture/rate-limits',
})
assert.equal(revised.outcome, 'revised')
assert.equal(revised.id, saved.id)

const { hits } = await caller.call('memory.search', {
  project: 'orchard',
  query: 'where do we count requests per client?',
})
assert.equal(hits[0]?.id, saved.id)

const { versions } = await caller.call('observation.history', { id: saved.sync_id })
assert.match(versions[0]?.content ?? '', /runs on one machine/)

await engram.close()
rmSync(dataDir, { recursive: true })
console.log('kept, revised, found, and the text before is still there')
