import { session } from './builder.ts'
import type { LabelledSession } from './builder.ts'

/** Invented sessions in English, another agent: shell and patches only, terse reports. */
export const englishCodex: readonly LabelledSession[] = [
  session('lock-service', 'codex', 'en', (story) => {
    story
      .human(
        'Leases expire too early under load. Find the reason and fix it. In this repo we never mock the clock, we pass a Clock.',
        ['X-HUMAN', 'never mock the clock'],
      )
      .says("I'll inspect the lease code.")
      .runs('sed -n 1,120p lease.go', 'package lease')
      .fails(
        'go test ./lease/...',
        '--- FAIL: TestRenewUnderLoad (0.31s)\n    lease_test.go:88: lease expired after 4s, want 10s\nFAIL',
        ['X-FIX', 'renewal reads the wall clock twice'],
      )
      .runs('rg -n "time.Now" lease', 'lease/renew.go:31')
      .says('The renewal reads the wall clock twice, and a slow lock between both reads eats the lease.')
      .edits('lease/renew.go', '-deadline := time.Now().Add(ttl)', '+deadline := started.Add(ttl)')
      .runs('go test ./lease/...', 'ok  	example.test/lock/lease	0.9s')
      .says(
        'Fixed.\n\nRoot cause: `Renew` took its second time stamp after waiting for the mutex.\nFix: the time stamp is taken once, before the lock is requested.\nWorkaround for old clients: set LEASE_SLACK=2s until they are updated.',
        ['X-DECL', 'second time stamp after waiting'],
        ['X-DECL', 'taken once, before the lock'],
        ['X-DECL', 'LEASE_SLACK=2s'],
      )
      .human('yes, works now')
      .says("The benchmark doesn't support `-count` together with `-race` on this runner.")
      .human('commit it')
      .runs(
        "git add . && git commit -F - <<'MSG'\nfix(lease): take the time stamp before waiting for the mutex\n\nUnder load the second reading came seconds later, otherwise renewals\nlooked fresh although they were not.\nMSG",
        '[lease-fix 5d5d5d5] fix(lease): take the time stamp before waiting for the mutex',
        ['X-COMMIT', 'take the time stamp before waiting'],
      )
      .says('Committed as 5d5d5d5.')
  }),

  session('csv-import', 'codex', 'en', (story) => {
    story
      .human('The import drops rows with umlauts')
      .fails(
        'pytest tests/test_import.py -q',
        "Traceback (most recent call last):\n  File \"importer.py\", line 9, in load\n    rows = list(csv.reader(f))\nUnicodeDecodeError: 'utf-8' codec can't decode byte 0xfc in position 17\n1 failed",
        ['X-FIX', 'supplier exports Latin-1'],
      )
      .says('The supplier exports Latin-1 without a byte order mark. The reader has to detect that before it decodes.')
      .edits(
        'importer.py',
        '+encoding = detect(raw)',
        '-open(path, encoding="utf-8")',
        '+open(path, encoding=encoding)',
      )
      .fails('pytest tests/test_import.py -q', "E       KeyError: 'Größe'\n1 failed", [
        'X-FIX',
        'header row is compared',
      ])
      .says('The header row is compared before it is normalised to NFC. Normalising both sides solves it.')
      .edits('importer.py', '+name = unicodedata.normalize("NFC", name)')
      .runs('pytest tests/test_import.py -q', '14 passed')
      .says('Turns out `csv.Sniffer` guesses the delimiter from the first kilobyte only.', [
        'X-CAUSE',
        'first kilobyte only',
      ])
      .says(
        'We chose a detection by trial decoding instead of chardet, because chardet is slow on big files and often wrong on short ones.',
        ['X-CHOICE', 'detection by trial decoding instead of chardet'],
      )
      .human('you should never guess the delimiter, take it from the profile', ['X-HUMAN', 'never guess the delimiter'])
      .edits('importer.py', '-dialect = csv.Sniffer().sniff(head)', '+dialect = profile.dialect')
      .says('Done. Should I also remove the sniffer from the CLI?')
      .human(
        'please always keep the raw file next to the parsed one. it always crashes for me on windows though, can you look?',
        ['X-HUMAN', 'always keep the raw file'],
      )
      .fails(
        'pytest tests/test_windows.py -q',
        'PermissionError: [WinError 32] The process cannot access the file\n1 failed',
        ['X-FIX', 'replace is called while'],
      )
      .says('On Windows the replace is called while the reader still holds the file. It must be closed first.')
      .edits('importer.py', '+reader.close()')
      .runs('pytest tests/test_windows.py -q', '3 passed')
      .says('Lesson: on Windows a file that is open cannot be replaced, so every writer closes its reader first.', [
        'X-DECL',
        'a file that is open cannot be replaced',
      ])
  }),

  session('auth-proxy', 'codex', 'en', (story) => {
    story
      .human('set up the auth proxy in docker. I prefer Caddy to nginx for anything that terminates TLS.', [
        'X-HUMAN',
        'prefer Caddy to nginx',
      ])
      .fails(
        'docker compose up -d',
        'Error response from daemon: driver failed programming external connectivity: Bind for 0.0.0.0:443 failed: port is already allocated',
        ['X-FIX', 'old nginx container'],
      )
      .says('Port 443 is still held by the old nginx container of the host. The proxy gets 8443 in development.')
      .edits('compose.yaml', '-      - "443:443"', '+      - "8443:443"')
      .runs('docker compose up -d', 'Container proxy  Started')
      .fails(
        'curl https://localhost:8443/health',
        'curl: (60) SSL certificate problem: unable to get local issuer certificate',
        ['X-CMD', '--cacert'],
      )
      .runs('curl --cacert certs/root.crt https://localhost:8443/health', 'ok')
      .says('Convention: every service exposes its health under `/health` and answers without authentication.', [
        'X-DECL',
        'exposes its health under',
      ])
      .says('We are going with short-lived cookies rather than JWTs so that a session can be revoked at once.', [
        'X-CHOICE',
        'short-lived cookies rather than JWTs',
      ])
      .says('If we had chosen JWTs instead of cookies, revoking would need a list because tokens live on.')
      .human(
        'wrong, we decided on opaque tokens last week. Use opaque tokens because mobile clients cannot keep cookies.',
      )
      .says('Switched to opaque tokens, since mobile clients cannot keep cookies.', ['X-CHOICE', 'opaque tokens'])
      .fails('npm run e2e', 'Error: expect(received).toBe(expected)\nexpected 200 received 401\n 1 failed')
      .says('The red phase is as expected, the handler does not exist yet. Now the implementation.')
      .edits('src/tokens.ts', '+export function verify(token: string) {}')
      .runs('npm run e2e', '4 passed')
      .runs(
        'git commit -am "perf: verify tokens from the local cache first" && git log -1',
        '[main abcdef1] perf: verify tokens from the local cache first',
        ['X-COMMIT', 'verify tokens from the local cache'],
      )
      .says('Pitfall: Caddy reloads its config through the admin port, which must not be published.', [
        'X-DECL',
        'admin port',
      ])
      .says('All good now, the stack is up and four tests pass.')
  }),

  session('sensor-firmware', 'codex', 'en', (story) => {
    story
      .human('Port the driver to the new board. Remember: the old board stays supported until spring.', [
        'X-HUMAN',
        'old board stays supported',
      ])
      .says('I will port the driver now.')
      .fails('make flash', 'make: *** No rule to make target flash. Stop.')
      .runs('make help', 'flash-usb flash-swd')
      .runs('make flash-usb', 'flashed 48 KiB', ['X-CMD', 'flash-usb'])
      .fails('make test-hil', 'assertion `left == right` failed\n  left: 255\n right: 12\ntest i2c_read panicked', [
        'X-FIX',
        'needs a repeated start',
      ])
      .says('The new sensor needs a repeated start between address and read. The old one tolerated a stop.')
      .edits('src/i2c.rs', '-self.stop();', '+self.restart();')
      .runs('make test-hil', 'test result: ok. 8 passed; 0 failed')
      .says('Rule: every register access goes through `regs.rs`, nothing else may touch the memory map.', [
        'X-DECL',
        'every register access goes through',
      ])
      .says('Note that the datasheet of the new sensor has the byte order wrong on page 12.', [
        'X-DECL',
        'byte order wrong on page 12',
      ])
      .says('It seems the watchdog requires a longer window to finish `self_test()` after brown-out.')
      .human('ok. in general we use tabs for assembly files and spaces elsewhere', [
        'X-HUMAN',
        'tabs for assembly files',
      ])
      .says('Understood.')
      .says('We opted for polling rather than interrupts, since the bus is idle most of the time.', [
        'X-CHOICE',
        'polling rather than interrupts',
      ])
      .fails('cargo clippy -- -D warnings', 'error: this function has too many arguments (9/7)', [
        'X-FIX',
        'bus settings travel together',
      ])
      .says('Nine arguments are too many. The bus settings travel together, so they become one struct.')
      .edits('src/bus.rs', '+pub struct BusSettings {')
      .runs('cargo clippy -- -D warnings', 'Finished')
      .says('Clippy is quiet and the tests pass.')
  }),
]
