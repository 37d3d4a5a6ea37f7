import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { commandKey } from './command-key.ts'
import { shellSegments } from './shell.ts'

describe('spec ingest 10.1 command key', () => {
  it.each([
    ['npm test', 'npm test', 'npm test'],
    ['cd app && npm test', 'npm test', 'npm test'],
    ['cd app; npm test 2>&1', 'npm test', 'npm test'],
    ['CI=1 NODE_ENV=test npm test', 'npm test', 'npm test'],
    ['export CI=1 && npm test', 'npm test', 'npm test'],
    ['npm test 2>&1 | tail -40', 'npm test', 'npm test'],
    ['npm test | grep -v ok | head -5', 'npm test', 'npm test'],
    ['npm test | tee out.log; echo "exit $?"', 'npm test', 'npm test'],
    ['npm test >/dev/null 2>/dev/null', 'npm test', 'npm test'],
    ['timeout 60 npm test', 'npm test', 'npm test'],
    ['npm run build -- --prod', 'npm run build -- --prod', 'npm run build'],
    ['git -C sub push origin main', 'git -C sub push origin main', 'git push'],
    ['git add . && git push', 'git add . && git push', 'git add && git push'],
    ['python3 -m pytest tests', 'python3 -m pytest tests', 'python -m pytest'],
    ['python3 a.py', 'python3 a.py', 'python'],
    ['/usr/bin/python3.12 a.py', '/usr/bin/python3.12 a.py', 'python'],
    ['docker compose up -d', 'docker compose up -d', 'docker compose up'],
    ['cargo +nightly test', 'cargo +nightly test', 'cargo test'],
    ['npx vitest run grid', 'vitest run grid', 'vitest run grid'],
    ['echo "a && b" && make', 'make', 'make'],
    ["grep 'a | b' f", 'grep a | b f', 'grep'],
    ['cd app', '', ''],
    ['', '', ''],
  ])('10.1 %s', (command, key, family) => {
    expect(commandKey(command)).toMatchObject({ key, family })
  })

  it('10.1 the bare command keeps variables: with them it is another command', () => {
    expect(commandKey('PORT=1 npm start').bare).toBe('PORT=1 npm start')
    expect(commandKey('PORT=1 npm start').key).toBe(commandKey('npm start').key)
  })

  it.each([
    ['git log --oneline', true],
    ['ls -la && cat a', true],
    ['git push', false],
    ['ls && npm test', false],
  ])('10.1 %s only looks something up: %s', (command, expected) => {
    expect(commandKey(command).isLookup).toBe(expected)
  })

  it.each([
    ['mix test a.exs', true, true],
    ['pnpm exec playwright test', true, true],
    ['npm run lint', false, true],
    ['mix credo --strict', false, true],
    ['npm run build', false, false],
    ['git commit -m test', false, false],
  ])('10.1 %s is a test: %s, a verification: %s', (command, isTest, isVerification) => {
    expect(commandKey(command)).toMatchObject({ isTest, isVerification })
  })

  it('10.1 never throws and stays bounded', () => {
    const piece = fc.constantFrom(
      '"',
      "'",
      '\\',
      '$(',
      ')',
      '<<A',
      '\n',
      'A',
      '|',
      '&&',
      '&',
      ';',
      ' ',
      '#',
      '2>&1',
      '=',
    )
    fc.assert(fc.property(fc.array(piece), (pieces) => commandKey(pieces.join('')).key.length <= 500))
  })
})

describe('spec ingest 10.1 shell', () => {
  it.each<[string, readonly (readonly string[])[]]>([
    ['a b && c || d; e & f', [['a', 'b'], ['c'], ['d'], ['e'], ['f']]],
    ['a "b c" \'d "e"\' f\\ g', [['a', 'b c', 'd "e"', 'f g']]],
    ['a "x $(b "c d" | e) y" z', [['a', 'x $(b "c d" | e) y', 'z']]],
    ["a $'x\\ny'", [['a', 'x\ny']]],
    ['a # comment && b\nc', [['a'], ['c']]],
    ['a \\\n b', [['a', 'b']]],
    ['a 2>&1 &>out', [['a', '2>&1', '&>out']]],
    ['a ""', [['a', '']]],
    ['a "open', [['a', 'open']]],
  ])('10.1 words of %s', (command, expected) => {
    expect(shellSegments(command).segments.map(({ words }) => words)).toEqual(expected)
  })

  it.each([
    ['at the end', "cat <<'EOF'\none \"two\n(three\nEOF", 'one "two\n(three', 1],
    ['within a substitution', 'git commit -m "$(cat <<\'EOF\'\nfix (a) "b"\nEOF\n)" && git push', 'fix (a) "b"', 2],
    ['closed on the line of the end mark', 'x "$(cat <<END\nbody\nEND)" && y', 'body', 2],
    ['indented end', 'cat <<-END\n\tbody\n\tEND\necho', '\tbody', 2],
  ])('10.1 a here-document %s', (_name, command, body, segments) => {
    const shell = shellSegments(command)
    expect(shell.documents).toEqual([body])
    expect(shell.segments).toHaveLength(segments)
  })

  it('10.1 a here-document without an end, and <<<, are words', () => {
    expect(shellSegments('cat <<EOF\nbody').documents).toEqual([])
    expect(shellSegments('cat <<< EOF\nEOF').documents).toEqual([])
  })
})
