import { usage, type Case, type Cases } from './command-case.ts'

const taken = [['transcript', 'migrate', 'old']]
const noTranscript = (...words: readonly string[]): Case['fails'] => ({ words, code: 'transcript_not_found', exit: 5 })

/** Whole conversations; `old/room.json` lies in the home. */
export const transcriptCases: Cases = {
  'transcript list': {
    before: taken,
    words: ['transcript', 'list', '--counts'],
    text: /^room:a {2}\S+ {2}2 {2}\d+$/m,
    keys: ['transcripts', 'next'],
    fails: usage('transcript', 'list', '--sort', 'nonsense'),
  },
  'transcript show': {
    before: taken,
    words: ['transcript', 'show', 'room:a'],
    text: /^user {2}\S+\n {2}one\nassistant {2}\S+\n {2}two$/m,
    keys: ['key', 'messages', 'next', 'end'],
    fails: noTranscript('transcript', 'show', 'nobody'),
  },
  'transcript tail': {
    before: taken,
    words: ['transcript', 'tail', 'room:a', '--last', '1'],
    text: /^assistant {2}\S+\n {2}two$/m,
    keys: ['key', 'messages', 'next', 'end'],
    fails: noTranscript('transcript', 'tail', 'nobody'),
  },
  'transcript truncate': {
    before: taken,
    words: ['transcript', 'truncate', 'room:a', '--keep', '1'],
    text: /^Kept 1 of 2 messages\.$/m,
    keys: ['key', 'kept', 'messages', 'dry_run'],
    fails: usage('transcript', 'truncate', 'room:a'),
  },
  'transcript compact': {
    before: [...taken, ['transcript', 'truncate', 'room:a', '--keep', '1']],
    words: ['transcript', 'compact', '--all'],
    text: /^room:a: 1 line dropped, \d+ B → \d+ B$/m,
    keys: ['dry_run', 'transcripts'],
    fails: usage('transcript', 'compact'),
  },
  'transcript migrate': {
    words: ['transcript', 'migrate', 'old'],
    text: /^ {2}room\.json as room:a: 2 messages\nMigrated 1 session\.$/m,
    keys: ['migrated', 'dry_run', 'files'],
    fails: usage('transcript', 'migrate', 'old', '--to-layout', 'compat'),
  },
  'transcript verify': {
    before: taken,
    words: ['transcript', 'verify'],
    text: /^1 transcript, 2 lines, \d+ B read: nothing is bad\.$/m,
    keys: ['problems', 'transcripts'],
    fails: noTranscript('transcript', 'verify', 'nobody'),
  },
  'transcript append': {
    before: taken,
    words: ['transcript', 'append', 'room:a', '--role', 'user', '--content', 'three'],
    text: /^Message 3 of room:a\.$/m,
    keys: ['stored', 'duplicate', 'position', 'redacted', 'durability'],
    fails: usage('transcript', 'append', 'room:a', '--content', 'no role'),
  },
  'transcript summary': {
    before: taken,
    words: ['transcript', 'summary', 'room:a'],
    text: /^No summary\.$/m,
    keys: ['key', 'summary'],
    fails: noTranscript('transcript', 'summary', 'nobody'),
  },
  'transcript delete': {
    before: taken,
    words: ['transcript', 'delete', 'room:a'],
    text: /^room:a deleted; it stays in the trash for 7 days\.$/m,
    keys: ['key', 'purged'],
    fails: noTranscript('transcript', 'delete', 'nobody'),
  },
}
