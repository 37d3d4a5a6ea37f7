import { usage, type Case, type Cases } from './command-case.ts'

const room = ['contexts', 'create', 'Release 42', '--id', 'release-42', '--member', 'planner']
const unitId = '0199aa00-0000-7000-8000-000000000001'
const posted = ['unit', 'post', 'release-42', 'Tests', 'are', 'green', '--agent', 'coder', '--id', unitId]
const held = ['lock', 'acquire', 'deploy', '--agent', 'coder']
const noContext = (...words: readonly string[]): Case['fails'] => ({ words, code: 'context_not_found', exit: 5 })

/** Shared contexts, their units and locks. */
export const liveCases: Cases = {
  'contexts create': {
    words: room,
    text: /^Context release-42 created$/m,
    keys: ['context', 'created'],
    fails: { words: ['contexts', 'create', 'X', '--id', '$x'], code: 'invalid_request', exit: 2 },
  },
  'contexts list': {
    before: [room],
    words: ['contexts'],
    text: /^release-42 {2}1 {2}\d{4}-\d\d-\d\d \S+ {2}active$/m,
    keys: ['contexts', 'next_cursor'],
    fails: usage('contexts', 'list', '--status', 'lost'),
  },
  'contexts show': {
    before: [room],
    words: ['contexts', 'show', 'release-42'],
    text: /^Context: {3}release-42\nName: {6}Release 42\nStatus: {4}active\nMembers: {3}cli, planner$/m,
    keys: ['id', 'version', 'agent_ids'],
    fails: noContext('contexts', 'show', 'nowhere'),
  },
  'contexts archive': {
    before: [room],
    words: ['contexts', 'archive', 'release-42'],
    text: /^Context release-42 archived$/m,
    keys: ['context'],
    fails: noContext('contexts', 'archive', 'nowhere'),
  },
  'unit post': {
    before: [room],
    words: posted,
    text: /^Unit 0199aa00-0000-7000-8000-000000000001 is #2 of release-42$/m,
    keys: ['unit', 'duplicate', 'durability'],
    fails: noContext('unit', 'post', 'nowhere', 'text'),
  },
  'unit get': {
    before: [room, posted],
    words: ['unit', 'get', unitId],
    text: /^#2 {2}coder {2}MESSAGE {2}\S+ \S+ {2}0199aa00\S+\nTests are green$/m,
    keys: ['id', 'seq', 'payload'],
    fails: { words: ['unit', 'get', 'none'], code: 'unit_not_found', exit: 5 },
  },
  'unit list': {
    before: [room, posted],
    words: ['unit', 'list', 'release-42', '--order', 'desc', '--type', 'message', '--agent', 'coder'],
    text: /^#2 {2}coder {2}MESSAGE [^]*Tests are green$/m,
    keys: ['units', 'next_cursor', 'at_tail'],
    fails: { words: ['unit', 'list', 'release-42', '--type', 'SONG'], code: 'invalid_type', exit: 2 },
  },
  'unit search': {
    before: [room, posted],
    words: ['unit', 'search', 'green', '--context', 'release-42', '--agent', 'coder', '--type', 'message'],
    text: /^Found 1 unit:\n\n#2 {2}coder {2}MESSAGE {2}\S+ \S+ {2}0199aa00\S+\n {4}Tests are green\n {4}in release-42$/m,
    keys: ['hits', 'total_count', 'next_cursor', 'mode', 'degraded'],
    fails: { words: ['unit', 'search', '--direction', 'in'], code: 'invalid_request', exit: 2 },
  },
  'lock acquire': {
    words: held,
    text: /^deploy is held by coder until \S+ \S+\nlock id \S+, token 1$/m,
    keys: ['lock_id', 'fencing_token', 'expires_at'],
    fails: usage('lock', 'acquire', 'deploy', '--ttl', 'long'),
  },
  'lock renew': {
    before: [held],
    words: ['lock', 'renew', 'deploy', '--agent', 'coder', '--ttl', '120'],
    text: /^deploy is held by coder until /m,
    keys: ['lock_id', 'ttl_ms'],
    fails: { words: ['lock', 'renew', 'deploy', '--agent', 'planner'], code: 'lock_not_owner', exit: 3 },
  },
  'lock release': {
    before: [held],
    words: ['lock', 'release', 'deploy', '--agent', 'coder'],
    text: /^Released$/m,
    keys: ['released'],
    fails: { words: ['lock', 'release', 'elsewhere'], code: 'lock_not_found', exit: 5 },
  },
  'lock list': {
    before: [held],
    words: ['lock', 'list', '--prefix', 'dep'],
    text: /^deploy {2}coder {2}\S+ \S+ {2}1$/m,
    keys: ['locks', 'next_cursor'],
    fails: usage('lock', 'list', '--limit', '0'),
  },
  'lock run': {
    words: ['lock', 'run', '--lock', 'deploy', '--', 'true'],
    text: /^$/,
    keys: [],
    fails: usage('lock', 'run', '--', 'true'),
  },
  'lock check': {
    before: [held],
    words: ['lock', 'check', 'elsewhere', 'deploy', '--agent', 'coder'],
    text: /^2 checked, none is held by others$/m,
    keys: ['checked', 'held'],
    fails: { words: ['lock', 'check', 'deploy', '--agent', 'planner'], code: 'lock_held', exit: 3 },
  },
  watch: {
    before: [room, posted],
    words: ['watch', 'release-42', '--from', 'begin', '--kind', 'unit.created', '--count', '1'],
    text: /^#2 {2}coder {2}MESSAGE [^]*Tests are green$/m,
    keys: ['kind', 'cursor', 'data'],
    fails: noContext('watch', 'nowhere', '--from', 'begin'),
  },
}
