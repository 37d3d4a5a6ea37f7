/** Where the unit of `serve` comes from, and for which data dir. */
export type LoginUnit = {
  /** The program, then its words. */
  readonly command: readonly string[]
  /** The file whose change means a new version. */
  readonly watched: string
  readonly dataDir: string
}

/**
 * User-level units that start `engram serve` at login and start it anew when the program was replaced (MEM-1402). It is
 * stopped in order first (SIGTERM), so that no data is ever half-written.
 */
export const loginUnits: Readonly<Record<'systemd' | 'launchd' | 'windows', (unit: LoginUnit) => string>> = {
  systemd: systemdUnits,
  launchd: launchdPlists,
  windows: windowsTask,
}

function systemdUnits(unit: LoginUnit): string {
  const exec = unit.command.map((word) => systemdWord(word).replaceAll('$', '$$$$')).join(' ')
  return `# ~/.config/systemd/user/engram.service
[Unit]
Description=Engram, memory for AI agents
StartLimitIntervalSec=60
StartLimitBurst=5

[Service]
ExecStart=${exec}
Environment=${systemdWord(`ENGRAM_DATA_DIR=${unit.dataDir}`)}
Restart=on-failure
RestartSec=2
KillSignal=SIGTERM
TimeoutStopSec=30
UMask=0077

[Install]
WantedBy=default.target

# ~/.config/systemd/user/engram-upgrade.path
[Unit]
Description=Notice a new version of Engram

[Path]
PathChanged=${unit.watched.replaceAll('%', '%%')}

[Install]
WantedBy=default.target

# ~/.config/systemd/user/engram-upgrade.service
[Unit]
Description=Start the new version of Engram

[Service]
Type=oneshot
ExecStart=systemctl --user try-restart engram.service

# Put each part into the file its first line names, then:
#   systemctl --user daemon-reload
#   systemctl --user enable --now engram.service engram-upgrade.path
`
}

/** One word for systemd: quoted, with its own escapes and specifiers doubled; `$` means something in commands only. */
const systemdWord = (word: string): string =>
  `"${word.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%')}"`

function launchdPlists(unit: LoginUnit): string {
  const words = unit.command.map((word) => `    <string>${xml(word)}</string>`).join('\n')
  const head = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">`
  return `<!-- ~/Library/LaunchAgents/engram.serve.plist -->
${head}
<dict>
  <key>Label</key><string>engram.serve</string>
  <key>ProgramArguments</key>
  <array>
${words}
  </array>
  <key>EnvironmentVariables</key>
  <dict><key>ENGRAM_DATA_DIR</key><string>${xml(unit.dataDir)}</string></dict>
  <key>RunAtLoad</key><true/>
  <key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>
  <key>ThrottleInterval</key><integer>10</integer>
  <key>ExitTimeOut</key><integer>30</integer>
  <key>Umask</key><integer>63</integer>
</dict>
</plist>

<!-- ~/Library/LaunchAgents/engram.upgrade.plist: starts the new version when the program was replaced -->
${head}
<dict>
  <key>Label</key><string>engram.upgrade</string>
  <key>ProgramArguments</key>
  <array>
    <string>/bin/sh</string>
    <string>-c</string>
    <string>launchctl kickstart -k "gui/$(id -u)/engram.serve"</string>
  </array>
  <key>WatchPaths</key>
  <array><string>${xml(unit.watched)}</string></array>
</dict>
</plist>

<!-- Put each part into the file its first line names (without that line), then:
     launchctl bootstrap "gui/$(id -u)" ~/Library/LaunchAgents/engram.serve.plist
     launchctl bootstrap "gui/$(id -u)" ~/Library/LaunchAgents/engram.upgrade.plist -->
`
}

function windowsTask(unit: LoginUnit): string {
  const [program = '', ...words] = unit.command
  return `<?xml version="1.0"?>
<!-- Save as engram.xml, then: schtasks /Create /TN Engram /XML engram.xml
     After an update: schtasks /End /TN Engram, then schtasks /Run /TN Engram -->
<Task version="1.4" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>Engram, memory for AI agents</Description>
  </RegistrationInfo>
  <Triggers>
    <LogonTrigger><Enabled>true</Enabled></LogonTrigger>
  </Triggers>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <Hidden>true</Hidden>
    <RestartOnFailure><Interval>PT1M</Interval><Count>10</Count></RestartOnFailure>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>${xml(program)}</Command>
      <Arguments>${xml([...words, '--data-dir', unit.dataDir].map(windowsWord).join(' '))}</Arguments>
    </Exec>
  </Actions>
  <Principals>
    <Principal id="Author"><LogonType>InteractiveToken</LogonType><RunLevel>LeastPrivilege</RunLevel></Principal>
  </Principals>
</Task>
`
}

/** One word as Windows programs split their line. */
const windowsWord = (word: string): string =>
  /^[\w./:\\-]+$/.test(word) ? word : `"${word.replace(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, '$1$1')}"`

const xml = (text: string): string =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&apos;')
