/** Invented samples for the redactor's tests: every secret is made up at run time from a seed, none is written down. */

/** A text with the secrets planted in it; none for a text that must stay as it is. */
export type Sample = { readonly name: string; readonly text: string; readonly secrets: readonly string[] }

/** Characters from an alphabet, the same for the same seed. */
export type Draw = {
  readonly pick: (alphabet: string, count: number) => string
  readonly below: (limit: number) => number
}

export function createDraw(seed: number): Draw {
  let state = seed >>> 0 || 1
  const below = (limit: number): number => {
    state ^= state << 13
    state >>>= 0
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state % limit
  }
  const pick = (alphabet: string, count: number): string =>
    Array.from({ length: count }, () => alphabet.charAt(below(alphabet.length))).join('')
  return { below, pick }
}

const digits = '0123456789'
const hexDigits = `${digits}abcdef`
const small = 'abcdefghijklmnopqrstuvwxyz'
const capitals = small.toUpperCase()
const letters = small + capitals
const alnum = letters + digits
const url64 = `${alnum}-_`
const std64 = `${alnum}+/`

/** How each known format is made (ING-RED-2). */
export const formats: Readonly<Record<string, (draw: Draw) => string>> = {
  'github classic': ({ pick }) => `ghp_${pick(alnum, 36)}`,
  'github oauth': ({ pick }) => `gho_${pick(alnum, 36)}`,
  'github app': ({ pick }) => `ghs_${pick(alnum, 36)}`,
  'github refresh': ({ pick }) => `ghr_${pick(alnum, 76)}`,
  'github fine-grained': ({ pick }) => `github_pat_${pick(alnum, 22)}_${pick(alnum, 59)}`,
  'model anthropic': ({ pick }) => `sk-ant-api03-${pick(url64, 93)}AA`,
  'model openai': ({ pick }) => `sk-${pick(alnum, 48)}`,
  'model openai project': ({ pick }) => `sk-proj-${pick(url64, 120)}`,
  'model openrouter': ({ pick }) => `sk-or-v1-${pick(hexDigits, 64)}`,
  'model hugging face': ({ pick }) => `hf_${pick(alnum, 34)}`,
  'model xai': ({ pick }) => `xai-${pick(alnum, 80)}`,
  'model groq': ({ pick }) => `gsk_${pick(alnum, 52)}`,
  'model replicate': ({ pick }) => `r8_${pick(alnum, 37)}`,
  'aws key id': ({ pick }) => `AKIA${pick(capitals + digits, 16)}`,
  'aws temporary id': ({ pick }) => `ASIA${pick(capitals + digits, 16)}`,
  'google api': ({ pick }) => `AIza${pick(url64, 35)}`,
  'google oauth': ({ pick }) => `ya29.${pick(url64, 60)}`,
  'google client': ({ pick }) => `GOCSPX-${pick(url64, 28)}`,
  digitalocean: ({ pick }) => `dop_v1_${pick(hexDigits, 64)}`,
  'slack bot': ({ pick }) => `xoxb-${pick(digits, 12)}-${pick(digits, 12)}-${pick(alnum, 24)}`,
  'slack app': ({ pick }) => `xapp-1-A${pick(capitals + digits, 10)}-${pick(digits, 13)}-${pick(hexDigits, 64)}`,
  telegram: ({ pick }) => `${pick('123456789', 10)}:${pick(url64, 35)}`,
  'stripe live': ({ pick }) => `sk_live_${pick(alnum, 24)}`,
  'stripe restricted': ({ pick }) => `rk_test_${pick(alnum, 24)}`,
  'stripe webhook': ({ pick }) => `whsec_${pick(alnum, 32)}`,
  sendgrid: ({ pick }) => `SG.${pick(url64, 22)}.${pick(url64, 43)}`,
  twilio: ({ pick }) => `SK${pick(hexDigits, 32)}`,
  npm: ({ pick }) => `npm_${pick(alnum, 36)}`,
  pypi: ({ pick }) => `pypi-${pick(url64, 90)}`,
  gitlab: ({ pick }) => `glpat-${pick(url64, 20)}`,
  docker: ({ pick }) => `dckr_pat_${pick(url64, 27)}`,
  jwt: ({ pick }) => `eyJ${pick(url64, 33)}.eyJ${pick(url64, 80)}.${pick(url64, 43)}`,
  age: ({ pick }) => `AGE-SECRET-KEY-1${pick(capitals + digits, 58)}`,
  vault: ({ pick }) => `hvs.${pick(url64, 95)}`,
  linear: ({ pick }) => `lin_api_${pick(alnum, 40)}`,
  shopify: ({ pick }) => `shpat_${pick(hexDigits, 32)}`,
  grafana: ({ pick }) => `glsa_${pick(alnum, 32)}_${pick(hexDigits, 8)}`,
  databricks: ({ pick }) => `dapi${pick(hexDigits, 32)}`,
  figma: ({ pick }) => `figd_${pick(url64, 43)}`,
  notion: ({ pick }) => `ntn_${pick(digits, 11)}${pick(alnum, 35)}`,
  vercel: ({ pick }) => `vcp_${pick(alnum, 56)}`,
  cloudflare: ({ pick }) => `cfut_${pick(alnum, 40)}${pick(hexDigits, 8)}`,
  tailscale: ({ pick }) => `tskey-auth-${pick(alnum, 17)}-${pick(alnum, 32)}`,
}

/** Where a key of a known format turns up. */
const surroundings: readonly ((secret: string) => string)[] = [
  (secret) => secret,
  (secret) => `I set it to ${secret}, then ran the job again.`,
  (secret) => `export SERVICE_KEY=${secret}`,
  (secret) => `"key": "${secret}",`,
  (secret) => JSON.stringify({ command: `echo start\n${secret}\nrun "now"` }),
  (secret) => `$ deploy --with ${secret} --verbose`,
  (secret) => `fix: rotate ${secret} (example, xxx)`,
  (secret) => `\u001b[32m${secret}\u001b[0m done`,
  (secret) => `| name | value |\n| --- | --- |\n| a | ${secret} |`,
  (secret) => `notes/${secret}.txt`,
]

/** Values without a format, as people choose and programs make them. */
const generic: readonly ((draw: Draw) => string)[] = [
  ({ pick }) => `${pick(alnum, 14)}7aQ`,
  ({ pick }) => `hunter${pick(digits, 4)}`,
  ({ pick }) => `Tr0ub4dor&${pick(alnum, 4)}`,
  ({ pick }) => pick(hexDigits, 32),
  ({ pick }) => `${pick(std64, 43)}=`,
  ({ pick }) => `${pick(small, 4)}9-${pick(capitals, 3)}!${pick(digits, 4)}`,
]

const assignments: readonly ((value: string) => string)[] = [
  (value) => `DB_PASSWORD=${value}`,
  (value) => `export API_KEY="${value}"`,
  (value) => `{"password": "${value}", "port": 5432}`,
  (value) => `{\\"client_secret\\": \\"${value}\\"}`,
  (value) => `  secret_key: ${value}\n  region: north`,
  (value) => `auth_token = '${value}'`,
  (value) => `:password => "${value}"`,
  (value) => `apiKey := "${value}"`,
  (value) => `tool login --password ${value} --user ann`,
  (value) => `--api-key=${value}`,
  (value) => `const secretKey: string = "${value}"`,
  (value) => `config["private_key"] = "${value}"`,
  (value) => `<password>${value}</password>`,
  (value) => `- name: DB_PASSWORD\n  value: "${value}"`,
  (value) => `password=\${DB_PASSWORD:-${value}}`,
  (value) => `mysql -u root -p${value} shop`,
  (value) => `curl -u ann:${value} https://api.example.org/v1`,
  (value) => `["--password","${value}"]`,
  (value) => `**Password:** ${value}`,
  (value) => `API key: ${value}`,
  (value) => `Passwort: ${value}`,
  (value) => `ALTER USER ann WITH PASSWORD '${value}';`,
  (value) => `client.setPassword("${value}")`,
  (value) => `ENV API_KEY ${value}`,
  (value) => `sshpass -p '${value}' ssh ann@host`,
  (value) => `{"auth":{"user":"ann","pass":"${value}"}}`,
  (value) => `<add key="ApiKey" value="${value}"/>`,
  (value) => `Server=db;User ID=sa;Password=${value};Encrypt=true`,
  (value) => `kubectl create secret generic x --from-literal=password=${value}`,
]

function pem(draw: Draw, label: string, lines: number): { text: string; body: readonly string[] } {
  const body = Array.from({ length: lines }, (_, line) => draw.pick(std64, line === lines - 1 ? 40 : 64))
  return { text: `-----BEGIN ${label}-----\n${body.join('\n')}\n-----END ${label}-----`, body }
}

const pemLabels = [
  'RSA PRIVATE KEY',
  'PRIVATE KEY',
  'ENCRYPTED PRIVATE KEY',
  'EC PRIVATE KEY',
  'DSA PRIVATE KEY',
  'OPENSSH PRIVATE KEY',
  'PGP PRIVATE KEY BLOCK',
]

function pemSamples(draw: Draw): Sample[] {
  return pemLabels.flatMap((label, index) => {
    const { text, body } = pem(draw, label, 2 + index)
    return [
      { name: `pem ${label}`, text: `before\n${text}\nafter`, secrets: body },
      { name: `pem in json ${label}`, text: JSON.stringify({ key: text, other: 'kept' }), secrets: body },
      {
        name: `pem without end ${label}`,
        text: `${text.slice(0, text.indexOf('\n-----END'))}\nThe rest is prose.`,
        secrets: body,
      },
    ]
  })
}

function placedSamples(draw: Draw): Sample[] {
  const { pick } = draw
  const places: Readonly<Record<string, (secret: string) => string>> = {
    'bearer header': (secret) => `Authorization: Bearer ${secret}`,
    'basic header': (secret) => `-H 'Authorization: Basic ${secret}'`,
    'header in json': (secret) => `{"Authorization":"Bearer ${secret}"}`,
    'cookie header': (secret) => `Cookie: sid=${secret}; theme=dark`,
    'set-cookie header': (secret) => `Set-Cookie: sid=${secret}; Path=/; HttpOnly`,
    'postgres address': (secret) => `postgres://ann:${secret}@db.example.org:5432/shop`,
    'redis address': (secret) => `redis://:${secret}@127.0.0.1:6379`,
    'mongo address': (secret) => `mongodb+srv://ann:${secret}@cluster.example.org/?retryWrites=true`,
    'https address': (secret) => `git clone https://ann:${secret}@git.example.org/a/b.git`,
    'amqp address in json': (secret) => `{"url":"amqp:\\/\\/ann:${secret}@mq.example.org"}`,
    'access_token query': (secret) => `https://example.org/cb?access_token=${secret}&state=1`,
    'sig query': (secret) => `https://a.blob.example.org/c?sv=2026-01-01&sig=${secret}%3D`,
    'api_key query': (secret) => `GET /v1/items?page=2&api_key=${secret} HTTP/1.1`,
    'azure account key': (secret) => `DefaultEndpointsProtocol=https;AccountName=shop;AccountKey=${secret}==;Suffix=x`,
    'aws secret by name': (secret) => `aws_secret_access_key = ${secret.padEnd(40, 'a1B').slice(0, 40)}`,
    'lone random value': (secret) => `the value was\n${secret}${pick(alnum, 8)}\nand it worked`,
    'random value beside a key': (secret) => `{"seed": "${secret}${pick(alnum, 8)}"}`,
    'spoken password': (secret) => `the password is ${secret}7aB, do not share it`,
    'netrc line': (secret) => `machine git.example.org login ann password ${secret}`,
  }
  return Object.entries(places).flatMap(([name, place]) =>
    [1, 2].map(() => {
      const secret = pick(alnum, 36)
      return { name, text: place(secret), secrets: [secret] }
    }),
  )
}

/** Texts with secrets in them: known formats in every surrounding, names and values, PEM, headers, addresses. */
export function trueSamples(seed: number): Sample[] {
  const draw = createDraw(seed)
  const known = Object.entries(formats).flatMap(([name, make], index) =>
    [0, 1, 2].map((turn) => {
      const secret = make(draw)
      const surround = surroundings[(index + turn * 3) % surroundings.length] ?? ((text) => text)
      return { name, text: surround(secret), secrets: [secret] }
    }),
  )
  const named = assignments.flatMap((assign, index) =>
    [0, 1, 2].map((turn) => {
      const value = generic[(index + turn) % generic.length]?.(draw) ?? ''
      return { name: `assignment ${assign('…')}`, text: assign(value), secrets: [value] }
    }),
  )
  return [...known, ...named, ...pemSamples(draw), ...placedSamples(draw)]
}

/** Lines of everyday work that hold no secret, though many look like it (ING-RED-3). */
const plainLines: readonly string[] = [
  'Reset password: required',
  'password: true',
  'token: null',
  'The token budget is 4,000 tokens per call, max_tokens: 4096.',
  '"usage":{"input_tokens":1843,"output_tokens":22719402,"cache_read_input_tokens":99182734}',
  'const token = await getToken(user.id)',
  'const password = process.env.DB_PASSWORD',
  "password = os.environ['DB_PASSWORD']",
  'password: ${DB_PASSWORD}',
  'PGPASSWORD=$PGPASSWORD psql -h localhost',
  'api_key=<your-api-key>',
  'API_KEY=your-token-here',
  'apiKey: "YOUR_API_KEY_GOES_HERE"',
  'token: ghp_...',
  'Authorization: Bearer <token>',
  'Authorization: Bearer ${token}',
  'Authorization: Bearer YOUR_ACCESS_TOKEN',
  'headers: { Authorization: `Bearer ${config.apiToken}` }',
  'password: ***',
  'secret: ********',
  'password: z.string().min(8).max(128)',
  'password: string',
  'readonly accessToken?: string | undefined',
  'token: Uint8Array',
  'credentials: "same-origin"',
  "fetch(url, { credentials: 'include' })",
  'tokenizer: Xenova/bert-base-uncased-v2',
  'The secretary met the passwordless login team.',
  'password_file: /run/secrets/db_password',
  'PWD=/home/ada/projects/shop2',
  'OLDPWD=/usr/local/lib/node24',
  'secretName: shop-database-credentials',
  'token_endpoint: https://auth.example.org/oauth/token',
  'token_type: bearer',
  'access_token_expires_at: 2026-11-20T10:00:00Z',
  'token = csrf_token_from(request)',
  'this.password = credentials.password',
  'if (password !== confirmPassword) throw new Error("passwords differ")',
  'placeholder="Enter your password"',
  '"password": "must be at least 8 characters"',
  'Password must contain 1 digit, 1 capital.',
  'postgres://${USER}:${PASSWORD}@localhost/shop',
  'postgres://user:<password>@localhost/shop',
  'postgres://localhost:5432/shop',
  'https://example.org:8443/path@v2',
  'git@github.com:ann/shop.git',
  'npm install @example/core@1.2.3 --save-exact',
  'the risk-based-assessment-framework-2026 and task-force-number-twelve-report',
  'pip install sk-learn-contrib-extras-package',
  'mask-image: linear-gradient(to right, transparent, black)',
  '-----BEGIN PUBLIC KEY-----',
  'grep -r "-----BEGIN PRIVATE KEY-----" .',
  'A key starts with -----BEGIN RSA PRIVATE KEY----- and ends with -----END RSA PRIVATE KEY-----.',
  'src/main/java/org/example/shop/payment/PaymentServiceImplTest2.java',
  'node_modules/.pnpm/@babel+plugin-transform-runtime@7.24.3_@babel+core@7.24.4/node_modules',
  'getUserByIdAndTenantOrThrowNotFoundException2',
  'https://docs.example.org/Guides/GettingStarted/InstallingOnLinux2026.html',
  'https://example.org/search?key=name&sort=asc&page=2',
  'GET /v1/items?token=next&limit=50',
  'Cookie: the best dessert',
  'cookie policy: accepted by 2,000 users',
  'Bearer authentication is documented elsewhere.',
  'Basic authentication, bearer tokens and cookies are supported.',
  'mysql -u root -p shop < dump.sql',
  'mysql --port 3306 --protocol tcp',
  'curl -u "$USER:$PASSWORD" https://api.example.org',
  'docker run -p 8080:80 nginx',
  'export AWS_SECRET_ACCESS_KEY=$(op read op://vault/aws/secret)',
  'SECRET_KEY_BASE={{ .Values.secretKeyBase }}',
  'token: {{ secrets.NPM_TOKEN }}',
  'NODE_AUTH_TOKEN: ${{ secrets.NPM_TOKEN }}',
  'passphrase: Enter the passphrase for your key',
  'secret: kubernetes.io/service-account-token',
  'private_key_path = "~/.ssh/id_ed25519"',
  'assert(token.length === 36)',
  'expect(redact("password")).toBe("password")',
  'function verifyPassword(password: string, hash: string): Promise<boolean> {',
  'class PasswordResetTokenRepository extends Repository<PasswordResetToken> {}',
  'import { createTokenStore } from "./token-store.ts"',
  'SELECT password_hash FROM users WHERE token = ? AND secret = :secret',
  '[REDACTED:github] and [REDACTED]',
  'token=[REDACTED:assignment]',
  'Passwörter: Größe beachten, überall',
  'password: 至少八个字符以上的密码',
  'The key id AKIA is followed by sixteen characters.',
  'const prefixes = ["ghp_", "gho_", "sk-", "AKIA", "xoxb-", "eyJ"]',
  'xoxb-your-token-here',
  'ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
  'sk-ant-your-key-goes-here-please',
  'sha1 of the file, md5 of the page',
  'passwd: files systemd sss',
  'Token count: 12345678',
  'api_key: str = Field(default=None)',
  'secret: Optional[str] = None',
  'password = forms.CharField(widget=forms.PasswordInput)',
  'tokens = text.split(/\\s+/)',
  'token = tokens[index++]',
  'secret := os.Getenv("X_SECRET")',
  'const TOKEN_PATTERN = /[A-Za-z0-9]{20,}/g',
  'secret = Math.random().toString(36)',
  'case SyntaxKind.PlusPlusToken: token = SyntaxKind.NewLineTrivia',
  'the password is case-sensitive',
  'Your password is required by policy2',
  'secretKeyRef:\n  name: db-secret\n  key: password',
  'password-hashing: argon2id',
  'tests pass=128 fail=0',
  'bypass: true, compass: north-east',
  'Passed: 12345678',
  'use --password <password> to log in',
  'private key: ~/.ssh/id_ed25519',
  'git config credential.helper store',
  'Set-Cookie: theme=dark; Path=/',
  'arn:aws:iam::123456789012:role/ServiceRoleForOrganizationsAdmin1',
]

const words = [
  'queue',
  'writer',
  'index',
  'chunk',
  'session',
  'cursor',
  'replay',
  'budget',
  'token',
  'secret',
  'password',
  'commit',
  'the',
  'a',
  'is',
  'was',
  'because',
  'migrate',
  'retry',
  'limit',
]

/** Machine-made texts: hashes, ids, integrity values, logs, encoded images, certificates. */
function madeLines(draw: Draw): string[] {
  const { pick, below } = draw
  const uuid = (): string => [8, 4, 4, 4, 12].map((count) => pick(hexDigits, count)).join('-')
  const ulid = (): string => `01${pick('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 24)}`
  const line = (): string => Array.from({ length: 6 + below(10) }, () => words[below(words.length)]).join(' ')
  const block = (rows: number): string =>
    Array.from({ length: rows }, (_, row) => pick(std64, row === rows - 1 ? 44 : 64)).join('\n')
  return [
    `commit ${pick(hexDigits, 40)}`,
    `index ${pick(hexDigits, 7)}..${pick(hexDigits, 7)} 100644`,
    `sha256:${pick(hexDigits, 64)}`,
    `"integrity": "sha512-${pick(std64, 86)}=="`,
    `h1:${pick(std64, 43)}=`,
    `SHA256:${pick(std64, 43)} ann@example.org (ED25519)`,
    `session ${uuid()} ended`,
    `token: ${uuid()}`,
    `id ${ulid()}`,
    `obs-${pick(hexDigits, 16)} revised`,
    `{"id":"toolu_01${pick(alnum, 22)}","type":"tool_use"}`,
    `"chatcmpl-${pick(alnum, 32)}"`,
    `data:image/png;base64,iVBORw0KGgo${pick(std64, 400)}`,
    `-----BEGIN CERTIFICATE-----\n${block(6)}\n-----END CERTIFICATE-----`,
    `2026-11-20T10:${10 + below(50)}:00.123Z INFO request ${below(10_000)} took ${below(900)} ms`,
    `at Object.<anonymous> (/srv/app/src/server/routes-${below(99)}.ts:${below(400)}:${below(80)})`,
    line(),
    `${line()}: ${line()}`,
    `src/${words[below(words.length)]}-${words[below(words.length)]}/${words[below(words.length)]}.test.ts | ${below(90)} ++--`,
    `+ const ${words[below(words.length)]}Token = ${words[below(words.length)]}.token`,
    `assets/index-${pick(alnum, 8)}.js ${below(400)}.${below(99)} kB`,
    `tokens: ${below(1_000_000)}`,
    `pid ${below(60_000)} port ${below(60_000)} fd ${below(900)}`,
    `v${below(9)}.${below(30)}.${below(30)}-beta.${below(9)}+build.${pick(hexDigits, 7)}`,
  ]
}

/** Texts that hold nothing secret. */
export function falseSamples(seed: number): Sample[] {
  const draw = createDraw(seed)
  const made = Array.from({ length: 8 }, () => madeLines(draw)).flat()
  return [...plainLines, ...made].map((text) => ({ name: text.slice(0, 80), text, secrets: [] }))
}
