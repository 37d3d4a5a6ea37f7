import { describe, expect, it } from 'vitest'
import { comparableSignature, signatureOf } from './signature.ts'

describe('spec ingest 10.1 signature', () => {
  it.each([
    ['Exit code 1\nfatal: no upstream branch\nmore', 'no upstream branch'],
    ['Compiling\n  error: undefined function get/2', 'undefined function get/2'],
    ['1) test\n  ** (RuntimeError) no key configured', 'no key configured'],
    ['  ** (KeyError) key :a not found', '** (KeyError) key :a not found'],
    ['error[E0502]: cannot borrow `x`\nerror: could not compile', 'error[E0502]: cannot borrow `x`'],
    ['src/a.ts(1,2): error TS2322: Type mismatch', 'src/a.ts(1,2): error TS2322: Type mismatch'],
    ["thread 'main' panicked at src/a.rs", "thread 'main' panicked at src/a.rs"],
    [
      'Traceback (most recent call last):\n  File "a.py", line 1\n    raise ValueError("x")\nValueError: x',
      'ValueError: x',
    ],
    ['FAIL a.test.ts\nAssertionError: expected 1 to be 2', 'AssertionError: expected 1 to be 2'],
    ['  Assertion with == failed\n  code: x', 'Assertion with == failed'],
    ['E       assert 1 == 2', 'assert 1 == 2'],
    ['bash: pyhton: command not found', 'bash: pyhton: command not found'],
    ['ls: x: No such file or directory', 'ls: x: No such file or directory'],
    ['--- FAIL: TestA (0.1s)\nFAIL', '--- FAIL: TestA (0.1s)'],
    ['npm ERR! code ERESOLVE\nnpm ERR! unable to resolve', 'unable to resolve'],
    ['warning: undefined thing\n0 errors: fine\nlast line\n\n', 'last line'],
    ['\u001B[31merror: red\u001B[0m', 'red'],
    ['', ''],
  ])('10.1 %j', (output, expected) => {
    expect(signatureOf(output)).toBe(expected)
  })

  it('10.1 has at most 160 characters', () => {
    expect(signatureOf(`error: ${'x'.repeat(1_000)}`)).toHaveLength(160)
  })

  it.each([
    ['expected 3 to be 4', 'expected 7 to be 12'],
    ['cannot open /tmp/a1/b.txt', 'cannot open /var/folders/c.txt'],
    ['no object 1a2b3c4d5e', 'no object ffee00112233'],
    ['at 0x7f3a', 'at 0x11'],
  ])('10.1 %s is the same failure as %s', (left, right) => {
    expect(comparableSignature(left)).toBe(comparableSignature(right))
  })

  it('10.1 different words are different failures', () => {
    expect(comparableSignature('missing key a')).not.toBe(comparableSignature('missing key b'))
  })
})
