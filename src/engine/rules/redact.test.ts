import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sha256Hex } from '../../platform/bytes.ts'
import { createDraw, formats, trueSamples } from './redact-samples.ts'
import { createRedactor } from './redact.ts'

const redactor = createRedactor()
const redact = (text: string): string => redactor.redact(text).text
const draw = createDraw(20_261_120)
const { pick } = draw
const small = 'abcdefghijklmnopqrstuvwxyz'
const alnum = `${small}${small.toUpperCase()}0123456789`
const hex = '0123456789abcdef'
const made = (name: string): string => formats[name]?.(draw) ?? ''
const random = (count: number): string => `${pick(alnum, count - 3)}7aQ`

describe('what a redaction is', () => {
  it('ING-RED-1 masks every occurrence on every line and reports offsets in the given text', () => {
    const [first, second] = [made('github classic'), made('npm')]
    const text = `one ${first} two ${second}\nthree ${first}`
    const { text: masked, findings } = redactor.redact(text)
    expect(masked).toBe('one [REDACTED:github] two [REDACTED:registry]\nthree [REDACTED:github]')
    expect(findings.map(({ start, end }) => text.slice(start, end))).toEqual([first, second, first])
  })

  it('ING-RED-1 example and xxx on the line switch nothing off', () => {
    expect(redact(`example xxx: ${made('aws key id')} # example`)).toBe('example xxx: [REDACTED:aws] # example')
  })

  it('ING-RED-1 overlapping findings are one place, named by who knows most', () => {
    const { findings, text } = redactor.redact(`export GITHUB_TOKEN="${made('github classic')}"`)
    expect(text).toBe('export GITHUB_TOKEN="[REDACTED:github]"')
    expect(findings).toHaveLength(1)
  })
})

const key = `-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n${random(64)}\n${random(40)}\n-----END RSA PRIVATE KEY-----`
const openKey = `-----BEGIN PRIVATE KEY-----\n${random(64)}\n${random(64)}`
const secret = random(24)
const lone = random(40)
const jwt = made('jwt')

const detected: readonly (readonly [kind: string, title: string, text: string, masked: string])[] = [
  ['private-key', 'with headers', `a\n${key}\nb`, 'a\n[REDACTED:private-key]\nb'],
  ['private-key', 'without an end', `${openKey}\nThen prose.`, '[REDACTED:private-key]\nThen prose.'],
  ['private-key', 'inside JSON', JSON.stringify({ k: key, n: 1 }), '{"k":"[REDACTED:private-key]","n":1}'],
  ['private-key', 'inside JSON inside JSON', JSON.stringify(JSON.stringify([key])), '"[\\"[REDACTED:private-key]\\"]"'],
  ['private-key', 'indented, as in YAML', key.replaceAll('\n', '\n    '), '[REDACTED:private-key]'],
  [
    'private-key',
    'short',
    `-----BEGIN PRIVATE KEY-----\n${random(20)}\n-----END PRIVATE KEY-----`,
    '[REDACTED:private-key]',
  ],
  ['github', 'fine-grained', `x ${made('github fine-grained')}.`, 'x [REDACTED:github].'],
  ['github', 'after an escape in JSON', `"a\\n${made('github app')}"`, '"a\\n[REDACTED:github]"'],
  ['model-key', 'anthropic', made('model anthropic'), '[REDACTED:model-key]'],
  ['model-key', 'openai', `(${made('model openai')})`, '([REDACTED:model-key])'],
  ['aws', 'id', `id ${made('aws key id')},`, 'id [REDACTED:aws],'],
  ['aws', 'secret by name', `aws_secret_access_key = ${lone}`, 'aws_secret_access_key = [REDACTED:aws]'],
  ['aws', 'secret near an id', `${made('aws key id')}\n\n${lone}`, '[REDACTED:aws]\n\n[REDACTED:aws]'],
  ['aws', 'session token', `aws_session_token=${random(200)}`, 'aws_session_token=[REDACTED:assignment]'],
  ['cloud', 'google', `key ${made('google api')}`, 'key [REDACTED:cloud]'],
  ['cloud', 'azure', `;AccountKey=${pick(alnum, 86)}==;a=b`, ';AccountKey=[REDACTED:cloud];a=b'],
  ['chat', 'slack', made('slack bot'), '[REDACTED:chat]'],
  [
    'chat',
    'slack hook',
    `https://hooks.slack.com/services/T${random(8)}/B${random(8)}/${random(24)}`,
    'https://[REDACTED:chat]',
  ],
  ['chat', 'telegram', `bot ${made('telegram')} on`, 'bot [REDACTED:chat] on'],
  ['pay', 'stripe', made('stripe live'), '[REDACTED:pay]'],
  ['pay', 'sendgrid', `"${made('sendgrid')}"`, '"[REDACTED:pay]"'],
  ['pay', 'twilio', `sid ${made('twilio')}`, 'sid [REDACTED:pay]'],
  [
    'registry',
    'npmrc',
    `//registry.example.org/:_authToken=${made('npm')}`,
    '//registry.example.org/:_authToken=[REDACTED:registry]',
  ],
  ['jwt', 'in a sentence', `It was ${jwt}.`, 'It was [REDACTED:jwt].'],
  ['jwt', 'without signature', `${jwt.slice(0, jwt.lastIndexOf('.') + 1)} x`, '[REDACTED:jwt] x'],
  ['header', 'bearer', `Authorization: Bearer ${secret}`, 'Authorization: Bearer [REDACTED:header]'],
  [
    'header',
    'basic in a command',
    `-H 'Authorization: Basic ${secret}=='`,
    "-H 'Authorization: Basic [REDACTED:header]'",
  ],
  ['header', 'cookies', `Cookie: a=${secret}; b=${lone}`, 'Cookie: a=[REDACTED:header]; b=[REDACTED:header]'],
  ['url', 'password', `postgres://ann:${secret}@db:5432/x`, 'postgres://ann:[REDACTED:url]@db:5432/x'],
  ['url', 'password with an at sign', `redis://:p@${secret}@h/0`, 'redis://:[REDACTED:url]@h/0'],
  ['url', 'query', `/cb?access_token=${secret}&state=1`, '/cb?access_token=[REDACTED:url]&state=1'],
  ['age', 'identity', made('age'), '[REDACTED:age]'],
  [
    'assignment',
    'env dump',
    `SHELL=/bin/sh\nDB_PASSWORD=p&${secret}|x\nTERM=a`,
    'SHELL=/bin/sh\nDB_PASSWORD=[REDACTED:assignment]\nTERM=a',
  ],
  ['assignment', 'JSON', `{"client_secret":"${secret}","a":1}`, '{"client_secret":"[REDACTED:assignment]","a":1}'],
  ['assignment', 'escaped JSON', `{\\"password\\":\\"${secret}\\"}`, '{\\"password\\":\\"[REDACTED:assignment]\\"}'],
  ['assignment', 'YAML', `db:\n  password: ${secret}\n`, 'db:\n  password: [REDACTED:assignment]\n'],
  ['assignment', 'flag', `run --token ${secret} -v`, 'run --token [REDACTED:assignment] -v'],
  ['assignment', 'mysql', `mysql -u a -p${secret} db`, 'mysql -u a -p[REDACTED:assignment] db'],
  ['assignment', 'a quote inside the value', `password = "a\\"${secret}"`, 'password = "[REDACTED:assignment]"'],
  [
    'assignment',
    'a backslash at the end of the value',
    `password="${secret}\\\\" other="kept"`,
    'password="[REDACTED:assignment]" other="kept"',
  ],
  ['assignment', 'commit message', `fix: use password "${secret}"`, `fix: use password "${secret}"`],
  ['entropy', 'alone', `saw\n${lone}\nthere`, 'saw\n[REDACTED:entropy]\nthere'],
  ['entropy', 'beside any key', `{"seed":"${lone}"}`, '{"seed":"[REDACTED:entropy]"}'],
  ['service', 'vault', made('vault'), '[REDACTED:service]'],
]

describe('what is found', () => {
  for (const [kind, title, text, masked] of detected) {
    it(`ING-RED-2/${kind} ${title}`, () => {
      expect(redact(text)).toBe(masked)
    })
  }

  it('ING-RED-7 file names and titles', () => {
    expect(redact(`keys/${made('npm')}.txt`)).toBe('keys/[REDACTED:registry].txt')
  })
})

const kept: readonly string[] = [
  `commit ${pick(hex, 40)} tree ${pick(hex, 64)}`,
  `"integrity": "sha512-${pick(alnum, 86)}=="`,
  'token: 550e8400-e29b-41d4-a716-446655440000',
  'session 01JD2Z5W7Q8R9S0T1V2W3X4Y5Z obs-0123456789abcdef',
  'password: ${DB_PASSWORD}, $DB_PASSWORD, process.env.DB_PASSWORD, os.environ["DB_PASSWORD"]',
  'token: <token> your-token-here ghp_... *** required true null',
  'Reset password: required',
  '[REDACTED:github] [REDACTED] token=[REDACTED:assignment]',
]

describe('names that say secret', () => {
  const value = 'Zx8!kQ2v#9'
  const words = [
    'password',
    'passwd',
    'Passwort',
    'passphrase',
    'PWD',
    'kennwort',
    'contraseña',
    'secret',
    'token',
    'pass',
  ]
  const keys = ['api', 'access', 'private', 'auth', 'signing', 'encryption'].flatMap((of) =>
    ['', ' ', '_', '-'].map((gap) => `${of}${gap}key`),
  )

  it.each([...words, ...keys, 'credential', 'MY_PASS', 'bypass-pass'])('ING-RED-2/assignment %s', (name) => {
    expect(redact(`${name}: "${value}"`)).toBe(`${name}: "[REDACTED:assignment]"`)
  })

  it.each(['bypass', 'passing', 'compasswo', 'secre', 'api.key', 'apikye', 'key'])('ING-RED-3 not %s', (name) => {
    expect(redact(`${name}: "${value}"`)).toBe(`${name}: "${value}"`)
  })
})

describe('what is kept', () => {
  for (const text of kept) {
    it(`ING-RED-3 ${text.slice(0, 50)}`, () => {
      expect(redactor.redact(text)).toEqual({ text, findings: [] })
    })
  }
})

const pieces = ['password', 'token', '"', '\\"', "'", '\\', '\\n', '\n', '=', ':', ' ', '-----BEGIN PRIVATE KEY-----']
pieces.push(
  '-----END PRIVATE KEY-----',
  'eyJ',
  '.',
  'AKIA',
  'ghp_',
  '://',
  '@',
  'Bearer ',
  'Authorization: ',
  'Cookie: ',
)
pieces.push('a=b; ', '[REDACTED:x]', '\\u0026', '?sig=', '{', '}', '[', ']', ',', '`', '<password>', '${', 'mysql -p')
pieces.push(
  'curl -u a:',
  '--secret ',
  'é',
  '😀',
  '\0',
  'value: ',
  lone,
  secret,
  '1234567890123',
  'hunter22',
  ...Object.keys(formats).map(made),
)
const hostile = fc
  .array(fc.oneof(fc.constantFrom(...pieces), fc.string({ maxLength: 12 })), { maxLength: 12 })
  .map((parts) => parts.join(''))
const seed = 20_261_120

describe('what always holds', () => {
  it('ING-RED-1 idempotent, and nothing changes but the places reported', () => {
    const eager = createRedactor({ emails: true, homePaths: true })
    fc.assert(
      fc.property(hostile, (text) => {
        const { text: masked, findings } = eager.redact(text)
        expect(eager.redact(masked)).toEqual({ text: masked, findings: [] })
        let rebuilt = ''
        let from = 0
        for (const { kind, start, end } of findings) {
          expect(start).toBeGreaterThanOrEqual(from)
          expect(end).toBeGreaterThan(start)
          rebuilt += `${text.slice(from, start)}[REDACTED:${kind}]`
          from = end
        }
        expect(rebuilt + text.slice(from)).toBe(masked)
      }),
      { numRuns: 6_000, seed },
    )
  })

  it('ING-RED-6 JSON stays JSON, at any depth of quoting, and private tags keep it so', () => {
    const value = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        hostile.map((text) => (text.length % 5 === 0 ? `<private>${text}` : text)),
        fc.integer(),
        fc.constant(null),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(hostile, tie('value'), { maxKeys: 4 }),
      ),
    })).value
    fc.assert(
      fc.property(value, fc.nat(3), fc.nat(2), (given, depth, indent) => {
        let json = JSON.stringify(given, undefined, indent)
        for (let turn = 0; turn < depth; turn++) json = JSON.stringify(json)
        JSON.parse(redactor.redact(json).text)
        JSON.parse(redactor.clean(json).text)
      }),
      { numRuns: 3_000, seed },
    )
  })

  it('ING-RED-6 JSON over several lines keeps its numbers', () => {
    const json = JSON.stringify({ password: 71_829_364, token: made('npm') }, undefined, 2)
    expect(JSON.parse(redact(json))).toEqual({ password: 71_829_364, token: '[REDACTED:registry]' })
  })

  it('ING-RED-1 a finding that reaches over a placeholder is cut around it', () => {
    const masked = 'http://ann:[REDACTED:url][REDACTED:github][REDACTED:url]@host'
    expect(redact(`http://ann:ab${secret}[REDACTED:github]cd@host`)).toBe(masked)
  })

  it('ING-RED-6 lines of JSON stay lines of JSON', () => {
    const lines = trueSamples(3).map(({ text }, index) => JSON.stringify({ index, text }))
    const masked = redact(lines.join('\n')).split('\n')
    expect(masked.map((line) => JSON.parse(line))).toMatchObject([...lines.keys()].map((index) => ({ index })))
  })

  it('ING-RED-5 a fuzz run of 100,000 texts never throws', () => {
    const alphabet = `${alnum}\\"'\`=:;,./@?&#%$-_+<>{}[]() \n\r\té\u{d83d}`
    for (let turn = 0; turn < 100_000; turn++) {
      const parts = [0, 1, 2].map(() =>
        draw.below(3) === 0 ? (pieces[draw.below(pieces.length)] ?? '') : pick(alphabet, draw.below(14)),
      )
      redactor.redact(parts.join(''))
    }
  })
})

describe('what can be set', () => {
  it('ING-RED-6 extra patterns name their own kind', () => {
    const own = createRedactor({ extra: [{ name: 'acme', pattern: 'acme-[0-9]{6,}' }] })
    expect(own.redact('a acme-1234567 b').text).toBe('a [REDACTED:acme] b')
  })

  it('ING-RED-6 allowed values stay, by text or by hash, whichever detector finds them', () => {
    const value = made('github classic')
    for (const allow of [value, sha256Hex(value)]) {
      const own = createRedactor({ allow: [allow] })
      expect(own.redact(`token="${value}" other=${made('npm')}`).text).toBe(
        `token="${value}" other=[REDACTED:registry]`,
      )
    }
  })

  it('ING-RED-6 addresses and home folders only when asked for', () => {
    const text = 'ann@example.org works in /home/ada/shop and C:\\Users\\ada\\shop'
    expect(redact(text)).toBe(text)
    const masked = createRedactor({ emails: true, homePaths: true }).redact(text).text
    expect(masked).toBe('[REDACTED:email] works in [REDACTED:home-path]/shop and [REDACTED:home-path]\\shop')
  })
})

describe('clean', () => {
  it('MEM-1701 private blocks first, then secrets, then the ends', () => {
    const text = `  <private>${made('npm')}</private> and ${made('jwt')} and ${made('github classic')} `
    const masked = '[REDACTED] and [REDACTED:jwt] and [REDACTED:github]'
    expect(redactor.clean(text)).toEqual({ text: masked, privateBlocks: 1, kinds: ['github', 'jwt'] })
  })

  it('MEM-1701 without a tag the ends are left alone', () => {
    expect(redactor.clean(' plain ')).toEqual({ text: ' plain ', privateBlocks: 0, kinds: [] })
  })
})
